"""URLs of conda packages, and hashes, as locks write them."""

from __future__ import annotations

import re
from urllib.parse import unquote

from cudepot.errors import ConfigError
from cudepot.formats.conda_record import SUFFIXES, without_suffix
from cudepot.kinds.rules.conda_files.asked import Line, Pinned

_URL = re.compile(r"(?P<channel>https?://[^\s#?]+)/(?P<subdir>[a-z0-9-]+)/(?P<file>[^/\s#?]+)")
_STEM = re.compile(r"[a-z0-9_][a-z0-9_.-]*-[A-Za-z0-9_.+!]+-[A-Za-z0-9_.+]+")
_HASH = re.compile(r"(?:md5[:=])?(?P<md5>[0-9A-Fa-f]{32})|(?:sha256[:=])?(?P<sha256>[0-9A-Fa-f]{64})")
_MARKERS = {
    "linux-64": "sys_platform == 'linux' and platform_machine == 'x86_64'",
    "linux-aarch64": "sys_platform == 'linux' and platform_machine == 'aarch64'",
    "linux-ppc64le": "sys_platform == 'linux' and platform_machine == 'ppc64le'",
    "win-64": "sys_platform == 'win32' and platform_machine == 'AMD64'",
}


def pinned(url: str, where: str, platform: str = "") -> Pinned:
    """Return the package a URL is of; raise ConfigError where it is of none."""
    found = _URL.fullmatch(url)
    filename = unquote(found["file"]) if found else ""
    if not found or not filename.endswith(SUFFIXES) or not _STEM.fullmatch(without_suffix(filename)):
        hint = "only packages from a channel can be used: remove the line, or take the package from a channel"
        raise ConfigError(f"{where}: not a package of a channel: {url[:200]!r}", hint=hint)
    return Pinned(found["channel"], found["subdir"], filename, where, platform)


def with_hash(one: Pinned, text: str) -> Pinned:
    """Return a package with what it is, which an explicit file has behind ``#``; raise ConfigError if it is none."""
    found = _HASH.fullmatch(text)
    if not found:
        raise ConfigError(f"{one.where}: neither an md5 nor a sha256: {text[:80]!r}", hint="write it as conda does")
    return one._replace(md5=(found["md5"] or "").lower(), sha256=(found["sha256"] or "").lower())


def wheel_line(name: str, version: str, sha256: str = "") -> str:
    """Return a locked wheel as a line of requirements."""
    return f"{name}=={version}{f' --hash=sha256:{sha256}' if sha256 else ''}"


def marked(line: Line) -> str:
    """Return a line of requirements that holds on its platform alone; empty where no wheels are known for that."""
    if not line.platform:
        return line.text
    if line.platform not in _MARKERS:
        return ""
    requirement, hashes, rest = line.text.partition(" --hash=")
    requirement, _, condition = requirement.partition(";")
    both = f"({condition.strip()}) and {_MARKERS[line.platform]}" if condition.strip() else _MARKERS[line.platform]
    return f"{requirement.strip()} ; {both}{hashes}{rest}"

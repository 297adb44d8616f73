"""The archive of a distribution that this machine's apt reads, where cudepot.toml leaves it to the machine.

Source: sources.list(5), both styles. Reading them takes no time; ``apt-get indextargets`` takes a third of a second.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.config.presets import Preset
from cudepot.cli.machine_index import Found, usable
from cudepot.errors import ConfigError, FormatError
from cudepot.formats.deb822 import parse_stanza, split

_LINE = re.compile(r"deb\s+(?:\[([^\]]*)\]\s+)?(https?://\S+)\s+(\S+)")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64el"}


class Source(NamedTuple):
    """A suite that apt reads.

    Attributes:
        architectures: those that it is read for; empty for the machine's own.
        where: the file that says so.
    """

    url: str
    suite: str
    architectures: tuple[str, ...]
    where: str


def machine_archive(preset: Preset, kin: Sequence[Preset]) -> str:
    """Return the URL at which this machine's apt reads a preset's archive; see :func:`choose`."""
    native = _MACHINES.get(platform.machine(), platform.machine())
    return choose(preset, kin, list(read_sources(Path("/etc/apt"))), native)


def choose(preset: Preset, kin: Sequence[Preset], sources: Sequence[Source], native: str) -> str:
    """Return the URL of the source that has a preset's suite, else another of the same vendor's: it has that as well.

    Args:
        preset: what is looked for.
        kin: the presets of its vendor.
        sources: what apt reads.
        native: architecture of this machine.

    Raises:
        ConfigError: apt reads no such archive, or at a URL with a login.
    """
    if any(one.suites == preset.suites and one.architectures != preset.architectures for one in kin):
        # as Ubuntu has it: its ports lie elsewhere
        sources = [one for one in sources if not {*preset.architectures}.isdisjoint(one.architectures or (native,))]
    alike = {suite for one in kin for suite in one.suites if _is_security(suite) == _is_security(preset.suites[0])}
    found = [one for one in sources if one.suite in preset.suites] or [one for one in sources if one.suite in alike]
    if not found:
        raise ConfigError(
            f"preset {preset.name!r} is read from where this machine's apt reads it, but it reads no such archive",
            hint="give `url` as well as `preset`: the mirror that machines of that distribution have in their sources",
        )
    return usable(Found(found[0].url, found[0].where))


def _is_security(suite: str) -> bool:
    return suite.endswith("-security")


def read_sources(folder: Path) -> Iterator[Source]:
    """Give what ``sources.list`` and ``sources.list.d`` say of archives on the web; nothing of files nobody can read.

    Args:
        folder: of apt's configuration, ``/etc/apt``.
    """
    for path in (folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))):
        try:
            text = path.read_text("utf-8", "surrogateescape")
            if path.suffix == ".list":
                yield from _of_lines(text, str(path))
            elif path.suffix == ".sources":
                yield from _of_stanzas(text, str(path))
        except (OSError, FormatError):
            continue


def _of_lines(text: str, where: str) -> Iterator[Source]:
    for found in filter(None, map(_LINE.match, map(str.strip, text.splitlines()))):
        options = dict(one.partition("=")[::2] for one in (found[1] or "").split())
        yield Source(found[2], found[3], tuple(options.get("arch", "").replace(",", " ").split()), where)


def _of_stanzas(text: str, where: str) -> Iterator[Source]:
    plain = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    for raw in split(plain.encode("utf-8", "surrogateescape")):
        fields = {name.lower(): value.split() for name, value in parse_stanza(raw, where).items()}
        if "deb" not in fields.get("types", ()) or fields.get("enabled") == ["no"]:
            continue
        for url in (one for one in fields.get("uris", ()) if one.startswith(("http://", "https://"))):
            machines = tuple(fields.get("architectures", ()))
            yield from (Source(url, suite, machines, where) for suite in fields.get("suites", ()))

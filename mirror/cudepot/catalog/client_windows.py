"""The PowerShell script for Windows clients of a site: its template filled in with what the snapshot holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

ZIP = re.compile(r"cudnn-.*windows.*\.zip")
_CONDA = re.compile(r"conda/[^/]+/win-64/(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+)\.conda")


@dataclass(frozen=True, slots=True)
class WindowsClient:
    """What a Windows client can have from a site.

    Attributes:
        url: of ``site/current``, without a slash at the end.
        channel: path of the conda channel below it.
        number: of the snapshot.
        conda: conda packages as ``name=version=build``.
        wheels: wheels as ``name==version``.
        zips: NVIDIA's zip archives that are locked, file name → sha256.
        closed: whether the channel has everything its packages need, so that conda is to ask no other.
    """

    url: str
    channel: str
    number: int
    conda: tuple[str, ...]
    wheels: tuple[str, ...]
    zips: Mapping[str, str]
    closed: bool = False

    @property
    def forms(self) -> list[str]:
        """Return the ways to install there are, the usual one first."""
        there = {"conda": self.conda, "wheel": self.wheels, "zip": self.zips}
        return [form for form, found in there.items() if found]


def conda_packages(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the conda packages for Windows among a site's paths."""
    found = (_CONDA.fullmatch(path) for path in sorted(paths))
    return tuple("=".join((one["name"], one["version"], one["build"])) for one in found if one)


def windows_wheels(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the wheels for Windows among a site's paths, as requirements."""
    found = []
    for path in sorted(paths):
        try:
            name, version, _, tags = parse_wheel_filename(path.rpartition("/")[2])
        except (InvalidWheelFilename, ValueError):
            continue
        found += [f"{name}=={version}"] if any(tag.platform == "win_amd64" for tag in tags) else []
    return tuple(dict.fromkeys(found))


def script(template: str, client: WindowsClient) -> bytes:
    """Return the script; UTF-8 with BOM and CRLF, as PowerShell 5.1 reads it whatever the code page."""
    values = {
        "URL": client.url.replace("'", "''"),
        "CHANNEL": client.channel,
        "NUMBER": str(client.number),
        "FROM": client.forms[0],
        "OVERRIDE": "'--override-channels'" if client.closed else "",
        "CONDA": ", ".join(map(_quoted, client.conda)),
        "WHEELS": ", ".join(map(_quoted, client.wheels)),
        "ZIPS": "; ".join(f"{_quoted(name)} = {_quoted(digest)}" for name, digest in sorted(client.zips.items())),
    }
    text = re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], template)
    return b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()


def _quoted(text: str) -> str:
    """Return a PowerShell string in which nothing is expanded."""
    return "'" + text.replace("'", "''") + "'"

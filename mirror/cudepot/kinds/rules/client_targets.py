"""Which upstreams belong on one client: those of one distribution and machine, and those that are for any. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_DISTRIBUTION = re.compile(
    r"(?:^|[/_-])(?P<name>(?:(?:rhel|el|centos|rocky|alma|almalinux|ol|fedora|amzn|amazon|azl|cm|mariner|kylin|sles|suse|"
    r"opensuse|leap|ubuntu|wsl-ubuntu|debian)-?[0-9]+(?:[._][0-9]+)*|focal|jammy|noble|bullseye|bookworm|trixie))"
    r"(?:$|[/_-](?P<rest>[^/]*))"
)
_MACHINES = ("x86_64", "sbsa", "aarch64", "arm64", "amd64", "ppc64le", "ppc64el", "cross-linux-sbsa", "i386", "i686")


class _Place(NamedTuple):
    """A distribution, empty where it is not known, and a machine, likewise."""

    distribution: str
    machine: str

    def fits(self, other: _Place) -> bool:
        """Return whether upstreams of both can be on one client."""
        pairs = zip(self, other, strict=True)
        return all(not mine or not theirs or mine == theirs for mine, theirs in pairs)


def targets(upstreams: Mapping[str, str]) -> dict[str, list[str]]:
    """Group upstreams by the clients they are for.

    Args:
        upstreams: name → URL; a distribution that the name does not tell may stand in the URL.

    Returns:
        Name of a folder for each kind of client → names of its upstreams, in their order.
    """
    places = {name: _place(name, url) for name, url in upstreams.items()}
    known = [one for one in dict.fromkeys(places.values()) if one.distribution]
    exact = [one for one in known if one.machine or not any(other.machine and one.fits(other) for other in known)]
    if not exact:
        return {"+".join(_folder(name) for name in upstreams): list(upstreams)}
    return {"-".join(filter(None, one)): [name for name, place in places.items() if place.fits(one)] for one in exact}


def is_known(name: str, url: str) -> bool:
    """Return whether name or URL of an upstream tell the distribution it is for."""
    return bool(_place(name, url).distribution)


def _place(name: str, url: str) -> _Place:
    for text in (name, url):
        if found := _DISTRIBUTION.search(text.rstrip("/")):
            rest = found["rest"] or ""
            return _Place(found["name"], rest if rest in _MACHINES else "")
    return _Place("", "")


def _folder(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)

"""What an apt client of the site gets: source, pins, the locked versions, and a keyring package. Pure.

Formats: sources.list(5) in deb822 style, apt_preferences(5). apt reads files of ``preferences.d`` only when they end
in ``.pref`` or have no dot, so all end in ``.pref``: a label may have dots.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

HOLD = 1001
"""Above 1000, so that apt goes back to the locked version where a newer one is installed."""


@dataclass(frozen=True, slots=True)
class AptClient:
    """One repository of the site as a client sees it.

    Attributes:
        upstream: its name, and its folder below ``apt/``.
        url: where the site has it, ending in a slash.
        origin, label: of its Release file; pins name them.
        by_hash: ``yes``, ``force`` or ``no``, for the source.
        keyring: absolute path of the key file on the client.
        versions: package → its locked versions.
        many: whether packages of several architectures are locked.
        vendor_source: what NVIDIA's ``cuda-keyring`` calls its source for this repository.
        suite: ``/`` for a flat repository, else a folder below ``dists/``. apt asks for ``./InRelease`` when it is
            ``./``, a name that web servers tidy up and buckets do not.
        components: of such a suite.
        architectures: that the source is limited to: those that are mirrored; empty for a flat repository.
        sources: whether source packages are there.
    """

    upstream: str
    url: str
    origin: str
    label: str
    by_hash: str
    keyring: str
    versions: Mapping[str, Sequence[str]]
    many: bool = False
    vendor_source: str = ""
    suite: str = "/"
    components: Sequence[str] = ()
    architectures: Sequence[str] = ()
    sources: bool = False


def sources(clients: Iterable[AptClient]) -> bytes:
    """Return the ``.sources`` file."""
    return "\n".join(_source(one) for one in clients).encode()


def _source(one: AptClient) -> str:
    fields = {
        "Types": "deb deb-src" if one.sources else "deb",
        "URIs": one.url,
        "Suites": one.suite,
        "Components": " ".join(one.components),
        "Architectures": " ".join(one.architectures),
        "Signed-By": one.keyring,
        "By-Hash": one.by_hash,
    }
    return "".join(f"{key}: {value}\n" for key, value in fields.items() if value)


def repository_pin(clients: Iterable[AptClient]) -> bytes:
    """Return the pin file: priority 600 as NVIDIA's own, by the Label that the site has kept."""
    pins = dict.fromkeys(release_pin(one.origin, one.label) for one in clients)
    return "\n".join(f"Package: *\nPin: release {pin}\nPin-Priority: 600\n" for pin in pins).encode()


def release_pin(origin: str, label: str) -> str:
    """Return what preferences know a repository by: these fields of its Release, as far as it has them."""
    # a comma would begin the next condition, so it is left to a wildcard
    named = [("o", origin), ("l", label)]
    return ", ".join(f"{key}={value.replace(',', '?')}" for key, value in named if value)


def locked_versions(clients: Iterable[AptClient], *, leave_out: Sequence[str] = ()) -> bytes:
    """Return the preferences that hold exactly the locked versions, whoever else offers newer ones.

    The first record that fits a version counts: the locked ones come first, then a ban on every other. Where globs
    stand for what is for one CUDA, the ban is on what is for another.
    """
    found: dict[str, list[str]] = {}
    for one in clients:
        for name, versions in one.versions.items():
            if name not in leave_out:
                found.setdefault(name + (":any" if one.many else ""), []).extend(versions)
    records = [(name, version, HOLD) for name in found for version in dict.fromkeys(found[name])]
    records += [(name, "*+cuda*" if "*" in "".join(found[name]) else "*", -1) for name in found]
    return "\n".join(f"Package: {name}\nPin: version {one}\nPin-Priority: {at}\n" for name, one, at in records).encode()


def no_cuda_keyring() -> bytes:
    """Return the preferences that keep apt from installing NVIDIA's ``cuda-keyring``: it enables NVIDIA's own URL."""
    return b"Package: cuda-keyring\nPin: version *\nPin-Priority: -1\n"


def vendor_source(url: str) -> str:
    """Return the name of the source ``cuda-keyring`` installs for one of NVIDIA's repositories; empty for others."""
    found = re.search(r"/repos/+([a-z0-9]+)/([a-z0-9_-]+)/$", url)
    return f"cuda-{found[1]}-{found[2]}.list" if found else ""


def keyring_control(label: str, version: str, url: str) -> dict[str, str]:
    """Return the control fields of the site's keyring package."""
    return {
        "Package": f"{label}-archive-keyring",
        "Version": version,
        "Architecture": "all",
        "Maintainer": f"{label} <cudepot@{label}.invalid>",
        "Section": "misc",
        "Priority": "optional",
        "Multi-Arch": "foreign",
        "Description": f"key and apt source of the site {label}\nServed at {url} and made by cudepot.",
    }


def keyring_version(name: str, label: str) -> int:
    """Return for which snapshot a file is the site's keyring package; 0 for another file."""
    found = re.fullmatch(rf"{re.escape(label)}-archive-keyring_1\.(\d+)_all\.deb", name)
    return int(found[1]) if found else 0


def diversions(package: str, clients: Iterable[AptClient]) -> dict[str, str]:
    """Return maintainer scripts that put aside the sources ``cuda-keyring`` has installed or will install."""
    names = dict.fromkeys(one.vendor_source for one in clients if one.vendor_source)
    files = [f"/etc/apt/sources.list.d/{one}" for one in names]
    if not files:
        return {}
    add, remove = (
        [f"  dpkg-divert --package {package} {act} --rename --divert {one}.disabled {one}" for one in files]
        for act in ("--add", "--remove")
    )
    return {
        "preinst": _script('"$1" = install ] || [ "$1" = upgrade', add),
        "postrm": _script('"$1" = remove ] || [ "$1" = abort-install', remove),
    }


def _script(condition: str, commands: Sequence[str]) -> str:
    return "\n".join(["#!/bin/sh", "set -e", f"if [ {condition} ]; then", *commands, "fi", ""])

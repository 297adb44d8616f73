"""The suite of an environment: one index over its members, for what makes a bare machine and knows a suite only. Pure.

debootstrap, live-build and installers read ``dists/SUITE`` of one archive. So the site is an archive at ``apt/`` whose
suites are called like environments; no package is there a second time (ADR 0052).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from cudepot.catalog.ecosystems import APT
from cudepot.formats.apt import Package, render_packages
from cudepot.formats.apt_release import render_release

COMPONENT = "main"
_DISTS = f"{APT.room}/dists/"


class Named(NamedTuple):
    """What a suite is called.

    Attributes:
        label: the site's.
        environment: its name.
        codename: of the distribution: debootstrap sees by it how a system of it is begun; empty where that has none.
    """

    label: str
    environment: str
    codename: str


def suite_of(environment: str) -> str:
    """Return the folder of the site that has the suite of an environment, without a slash at the end."""
    return _DISTS + environment


def base_of(folder: str) -> str:
    """Return what file names in an index of a folder of the site are relative to; both end in a slash."""
    return f"{APT.room}/" if folder.startswith(_DISTS) else folder


def place_of(architecture: str) -> str:
    """Return where a suite has the index of an architecture."""
    return f"{COMPONENT}/binary-{architecture}/Packages"


def packages(members: Iterable[tuple[str, Package]], bare: Collection[str]) -> bytes:
    """Return the index over members, each with the upstream whose repository has it.

    What the tools begin with is told by priority, which distributions set in their indexes, whatever the debs say.
    ``bare`` has the names of what a bare machine is made of.
    """
    every = sorted(members, key=lambda one: (one[1].name, one[1].version))
    stanzas = [_stanza(upstream, one, is_bare=one.name in bare) for upstream, one in every]
    return render_packages(stanzas) + b"\n"  # debootstrap does not read a last stanza without the empty line


def _stanza(upstream: str, package: Package, *, is_bare: bool) -> dict[str, str]:
    priority = "required" if is_bare else package.fields.get("Priority", "optional").replace("required", "optional")
    return {**package.fields, "Priority": priority, "Filename": f"{upstream}/{package.filename}"}


def release(named: Named, architectures: Sequence[str], files: Mapping[str, bytes], date: str) -> bytes:
    """Return the Release file of a suite over its indexes."""
    fields = {
        "Origin": named.label,
        "Label": f"{named.label} {named.environment}",
        "Suite": named.environment,
        "Codename": named.codename or named.environment,
        "Architectures": " ".join(architectures),
        "Components": COMPONENT,
        "Date": date,
        "Acquire-By-Hash": "yes",
        "Description": f"environment {named.environment}, published by cudepot",
    }
    return render_release(fields, files, {"SHA256": "sha256"})

"""The suite of an environment: one index over its members, for what makes a bare machine and knows a suite only. Pure.

debootstrap, live-build and installers read ``dists/SUITE`` of one archive. So the site is an archive at ``apt/`` whose
suites are called like environments; no package lies there a second time (ADR 0052).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cudepot.catalog.ecosystems import APT
from cudepot.formats.apt import Package, render_packages
from cudepot.formats.apt_release import render_release

COMPONENT = "main"
_DISTS = f"{APT.room}/dists/"


def suite_of(environment: str) -> str:
    """Return the folder of the site that has the suite of an environment, without a slash at the end."""
    return _DISTS + environment


def base_of(folder: str) -> str:
    """Return what file names in an index of a folder of the site are relative to; both end in a slash."""
    return f"{APT.room}/" if folder.startswith(_DISTS) else folder


def place_of(architecture: str) -> str:
    """Return where a suite has the index of an architecture."""
    return f"{COMPONENT}/binary-{architecture}/Packages"


def packages(members: Iterable[tuple[str, Package]]) -> bytes:
    """Return the index over members, each with the upstream whose repository has it."""
    every = sorted(members, key=lambda one: (one[1].name, one[1].version))
    return render_packages([{**one.fields, "Filename": f"{upstream}/{one.filename}"} for upstream, one in every])


def release(label: str, environment: str, architectures: Sequence[str], files: Mapping[str, bytes], date: str) -> bytes:
    """Return the Release file of a suite over its indexes."""
    fields = {
        "Origin": label,
        "Label": f"{label} {environment}",
        "Suite": environment,
        "Codename": environment,
        "Architectures": " ".join(architectures),
        "Components": COMPONENT,
        "Date": date,
        "Acquire-By-Hash": "yes",
        "Description": f"environment {environment}, published by cudepot",
    }
    return render_release(fields, files, {"SHA256": "sha256"})

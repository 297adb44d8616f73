"""The ``wheels/`` and ``simple/`` parts of a site: a static PEP 503/691 index with metadata files (PEP 658).

Each environment has an index of its files alone beside it, which leads to the same wheels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote

from packaging.tags import Tag
from packaging.utils import BuildTag, parse_wheel_filename
from packaging.version import Version

from cudepot.catalog.lock import Artifact
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot
from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.formats.simple_write import (
    ACTIVE,
    ProjectStatus,
    PublishedWheel,
    render_project_html,
    render_project_json,
    render_root_html,
    render_root_json,
)
from cudepot.formats.wheel_read import read_metadata
from cudepot.kinds.wheels.first_published import FirstPublished
from cudepot.kinds.wheels.rules.core_metadata import headers
from cudepot.kinds.wheels.rules.members import index_of
from cudepot.store.local import LocalStore


class _Listed(NamedTuple):
    """What is known of a wheel from elsewhere: when it could be had first, why it was withdrawn, who attests it."""

    uploaded: str = ""
    yanked: str | None = None
    provenance: Digest | None = None


def wheel_tree(
    depot: Depot,
    mirrored: Sequence[Artifact],
    built: Sequence[tuple[str, Digest]],
    earlier: Sequence[Snapshot],
    environments: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> dict[str, Digest]:
    """Return the path → content list of the index.

    Args:
        depot: the depot.
        mirrored: wheels that are published as they are.
        built: our own, as (file name, digest).
        earlier: snapshots before this one, the newest first: a wheel keeps the time it was published first.
        environments: name of an environment → names of its files.
    """
    tree: dict[str, Digest] = {}
    projects: dict[str, list[PublishedWheel]] = {}
    spellings: dict[object, str] = {}
    listed, first = _listed(mirrored), FirstPublished(depot.store, depot.clock, earlier)
    for filename, digest in sorted({*built, *((one.filename, one.digest) for one in mirrored)}):
        _check_alone(filename, tree, spellings)
        wheel, metadata = _wheel(depot.store, filename, digest, listed.get(filename, _Listed()), first)
        tree |= {f"wheels/{filename}": digest, f"wheels/{filename}.metadata": metadata}
        if provenance := listed.get(filename, _Listed()).provenance:
            tree[f"wheels/{filename}.provenance"] = provenance
            wheel = replace(wheel, provenance=_provenance_url(depot.config.site.reached_at, filename))
        projects.setdefault(wheel.project, []).append(wheel)
    statuses = depot.config.site.project_status
    pages = _pages(projects, statuses, "simple/", "../../wheels/")
    for name, files in environments.items():
        pages |= _pages(_among(projects, files), statuses, index_of(name), "../../../../wheels/")
    return tree | {path: depot.store.add_bytes(text) for path, text in pages.items()}


def _among(projects: Mapping[str, list[PublishedWheel]], files: Collection[str]) -> dict[str, list[PublishedWheel]]:
    """Return the projects with some files only; those that have none of them are left out.

    None of them is withdrawn there: installers take what is yanked for exact versions only, and this is all there is.
    """
    found = {
        name: [replace(one, yanked=None) for one in wheels if one.filename in files]
        for name, wheels in projects.items()
    }
    return {name: wheels for name, wheels in found.items() if wheels}


def _check_alone(filename: str, tree: Mapping[str, Digest], spellings: dict[object, str]) -> None:
    """Refuse a second wheel of a name, and a name that is another one in another spelling; note it."""
    if f"wheels/{filename}" in tree:
        raise FormatError(
            f"two wheels are called {filename} and differ",
            hint='pin only one of them; one of two CUDA variants can have `outputs = ["cuda-wheel"]`',
        )
    spelt = spellings.setdefault(_taken_apart(filename), filename)
    if spelt != filename:
        raise FormatError(
            f"{spelt} and {filename} are two spellings of the same wheel: pip installs either of them",
            hint="pin only one of them",
        )


def _listed(mirrored: Sequence[Artifact]) -> dict[str, _Listed]:
    """Return by file name what upstreams say; of several the earliest time, and withdrawn is what all withdrew."""
    found: dict[str, _Listed] = {}
    for one in mirrored:
        other = found.get(one.filename)
        uploaded = min(filter(None, (one.uploaded, other.uploaded if other else "")), default="")
        yanked = one.yanked if other is None or other.yanked is not None else None
        provenance = one.provenance.digest if one.provenance else other.provenance if other else None
        found[one.filename] = _Listed(uploaded, yanked, provenance)
    return found


def _wheel(
    store: LocalStore, filename: str, digest: Digest, listed: _Listed, first: FirstPublished
) -> tuple[PublishedWheel, Digest]:
    with store.open(digest) as handle:
        text = read_metadata(handle, what=filename)
    metadata = store.add_bytes(text)
    requires = headers(text).get("Requires-Python", "")
    project, version, _, _ = _taken_apart(filename)
    uploaded = listed.uploaded or first.time(project, filename, digest)
    wheel = PublishedWheel(
        project, str(version), filename, digest, metadata.sha256, str(requires), uploaded, listed.yanked
    )
    return wheel, metadata


def _provenance_url(site: str, filename: str) -> str:
    """Return what pages say; nothing where no address is known: PEP 740 wants a whole URL, and readers insist."""
    return f"{site}wheels/{quote(filename)}.provenance" if site else ""


def _taken_apart(filename: str) -> tuple[str, Version, BuildTag, frozenset[Tag]]:
    """Return project, version, build and tags that a file name says, however it is spelt."""
    try:
        return parse_wheel_filename(filename)
    except ValueError as error:
        raise FormatError(
            f"{filename}: not a wheel's file name: {error}", hint="give it back the name it was built under"
        ) from error


def _pages(
    projects: Mapping[str, list[PublishedWheel]], statuses: Mapping[str, ProjectStatus], folder: str, wheels: str
) -> dict[str, bytes]:
    """Return the pages of an index in a folder of the site, by path; ``wheels`` leads from a project's page there."""
    if not projects:
        return {}
    names = sorted(projects)
    pages = {f"{folder}index.html": render_root_html(names), f"{folder}index.json": render_root_json(names)}
    for name in names:
        status = statuses.get(name, ACTIVE)
        pages[f"{folder}{name}/index.html"] = render_project_html(name, projects[name], wheels, status)
        pages[f"{folder}{name}/index.json"] = render_project_json(name, projects[name], wheels, status)
    return pages

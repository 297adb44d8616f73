"""The ``wheels/`` and ``simple/`` parts of a site: a static PEP 503/691 index with metadata files (PEP 658)."""

from __future__ import annotations

import email.parser
from collections.abc import Mapping, Sequence

from packaging.tags import Tag
from packaging.utils import BuildTag, parse_wheel_filename
from packaging.version import Version

from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.formats.simple import (
    ACTIVE,
    ProjectStatus,
    PublishedWheel,
    render_project_html,
    render_project_json,
    render_root_html,
    render_root_json,
)
from cudepot.formats.wheel_read import read_metadata
from cudepot.workflows.depot import Depot


def wheel_tree(depot: Depot, wheels: Sequence[tuple[str, Digest]]) -> dict[str, Digest]:
    """Return the path → content list of the index over wheels given as (file name, digest)."""
    tree: dict[str, Digest] = {}
    projects: dict[str, list[PublishedWheel]] = {}
    spellings: dict[object, str] = {}
    for filename, digest in sorted(set(wheels)):
        if f"wheels/{filename}" in tree:
            raise FormatError(
                f"two wheels are called {filename} and differ", hint="give one of them another build number"
            )
        first = spellings.setdefault(_taken_apart(filename), filename)
        if first != filename:
            raise FormatError(
                f"{first} and {filename} are one wheel in two spellings: pip takes either of them",
                hint="pin only one of them",
            )
        wheel, metadata = _wheel(depot, filename, digest)
        tree |= {f"wheels/{filename}": digest, f"wheels/{filename}.metadata": metadata}
        projects.setdefault(wheel.project, []).append(wheel)
    for path, text in _pages(projects, depot.config.site.project_status).items():
        tree[path] = depot.store.add_bytes(text)
    return tree


def _wheel(depot: Depot, filename: str, digest: Digest) -> tuple[PublishedWheel, Digest]:
    with depot.store.open(digest) as handle:
        text = read_metadata(handle, what=filename)
    metadata = depot.store.add_bytes(text)
    requires = email.parser.BytesParser().parsebytes(text, headersonly=True).get("Requires-Python", "")
    project, version, _, _ = _taken_apart(filename)
    return PublishedWheel(str(project), str(version), filename, digest, metadata.sha256, str(requires)), metadata


def _taken_apart(filename: str) -> tuple[str, Version, BuildTag, frozenset[Tag]]:
    """Return project, version, build and tags that a file name says, however it is spelt."""
    try:
        return parse_wheel_filename(filename)
    except ValueError as error:
        raise FormatError(
            f"{filename}: no name of a wheel: {error}", hint="give it the name it was built under"
        ) from error


def _pages(projects: Mapping[str, list[PublishedWheel]], statuses: Mapping[str, ProjectStatus]) -> dict[str, bytes]:
    if not projects:
        return {}
    names = sorted(projects)
    pages = {"simple/index.html": render_root_html(names), "simple/index.json": render_root_json(names)}
    for name in names:
        status = statuses.get(name, ACTIVE)
        pages[f"simple/{name}/index.html"] = render_project_html(name, projects[name], "../../wheels/", status)
        pages[f"simple/{name}/index.json"] = render_project_json(name, projects[name], "../../wheels/", status)
    return pages

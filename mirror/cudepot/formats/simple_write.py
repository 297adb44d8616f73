"""The simple repository API of Python package indexes, as a site writes it: PEP 503 and PEP 691 pages.

Sources: PEP 503 and 691 (pages), 592 (yanked), 629 and 700 (versions, sizes, times), 658 and 714 (metadata files), 740
(provenance), 792 (project status). ``data-size`` and ``data-upload-time`` are in no PEP: uv reads them, and PyTorch's
index writes them.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

from cudepot.digest import Digest

API_VERSION = "1.4"


@dataclass(frozen=True, slots=True)
class ProjectStatus:
    """What an index says of a whole project: ``active``, ``archived`` or ``deprecated``, and why (may be empty)."""

    status: str = "active"
    reason: str = ""


ACTIVE = ProjectStatus()


@dataclass(frozen=True, slots=True)
class PublishedWheel:
    """One wheel of our own index.

    Attributes:
        project: normalised project name.
        metadata_sha256: of the METADATA file served beside it as ``FILENAME.metadata``.
        requires_python: as METADATA says; may be empty.
        uploaded: when it came to the index it is from, or was published here first (RFC 3339, UTC).
        yanked: why its upstream withdrew it, which may be empty; None where it did not.
        provenance: absolute URL of its provenance object; empty for none.
    """

    project: str
    version: str
    filename: str
    digest: Digest
    metadata_sha256: str
    requires_python: str = ""
    uploaded: str = ""
    yanked: str | None = None
    provenance: str = ""


def render_project_html(
    project: str, wheels: Sequence[PublishedWheel], prefix: str, status: ProjectStatus = ACTIVE
) -> bytes:
    """Return the PEP 503 page of a project; ``prefix`` leads from the page to the wheels' folder."""
    rows = "".join(f"    {_anchor(one, prefix)}<br>\n" for one in wheels)
    told = {"pypi:project-status": status.status, "pypi:project-status-reason": status.reason}
    return _html_page(f"Links for {html.escape(project)}", rows, told)


def render_project_json(
    project: str, wheels: Sequence[PublishedWheel], prefix: str, status: ProjectStatus = ACTIVE
) -> bytes:
    """Return the PEP 691 page of a project."""
    page = {
        "meta": {"api-version": API_VERSION},
        "name": project,
        "project-status": {"status": status.status} | ({"reason": status.reason} if status.reason else {}),
        "versions": sorted({one.version for one in wheels}),
        "files": [_json_row(one, prefix) for one in wheels],
    }
    return json.dumps(page, indent=1, sort_keys=True).encode() + b"\n"


def render_root_html(projects: Iterable[str]) -> bytes:
    """Return the PEP 503 list of projects."""
    rows = "".join(f'    <a href="{quote(one)}/">{html.escape(one)}</a><br>\n' for one in projects)
    return _html_page("Simple index", rows)


def render_root_json(projects: Iterable[str]) -> bytes:
    """Return the PEP 691 list of projects."""
    page = {"meta": {"api-version": API_VERSION}, "projects": [{"name": one} for one in projects]}
    return json.dumps(page, indent=1, sort_keys=True).encode() + b"\n"


def _anchor(one: PublishedWheel, prefix: str) -> str:
    href = f"{prefix}{quote(one.filename)}#sha256={one.digest.sha256}"
    fields = {
        "href": href,
        "data-requires-python": one.requires_python,
        "data-dist-info-metadata": f"sha256={one.metadata_sha256}",
        "data-core-metadata": f"sha256={one.metadata_sha256}",
        "data-size": str(one.digest.size),
        "data-upload-time": one.uploaded,
        "data-provenance": one.provenance,
    }
    attributes = " ".join(f'{key}="{html.escape(value)}"' for key, value in fields.items() if value)
    withdrawn = f' data-yanked="{html.escape(one.yanked)}"' if one.yanked is not None else ""
    return f"<a {attributes}{withdrawn}>{html.escape(one.filename)}</a>"


def _json_row(one: PublishedWheel, prefix: str) -> dict[str, object]:
    row: dict[str, object] = {
        "filename": one.filename,
        "url": prefix + quote(one.filename),
        "hashes": {"sha256": one.digest.sha256},
        "size": one.digest.size,
        # Not "dist-info-metadata" beside it: pip 22.3 to 23.0 (Debian 12's) dies of that key (PEP 714).
        "core-metadata": {"sha256": one.metadata_sha256},
    }
    row |= {"requires-python": one.requires_python} if one.requires_python else {}
    row |= {"upload-time": one.uploaded} if one.uploaded else {}
    row |= {"yanked": one.yanked or True} if one.yanked is not None else {}
    row |= {"provenance": one.provenance} if one.provenance else {}
    return row


def _html_page(title: str, rows: str, told: Mapping[str, str] = MappingProxyType({})) -> bytes:
    told = {"pypi:repository-version": API_VERSION, **told}
    metas = [f'<meta name="{name}" content="{html.escape(text)}">' for name, text in told.items() if text]
    head = "\n    ".join([*metas, f"<title>{title}</title>"])
    page = f"<!DOCTYPE html>\n<html>\n  <head>\n    {head}\n  </head>\n  <body>\n{rows}  </body>\n</html>\n"
    return page.encode("ascii", "xmlcharrefreplace")  # whatever charset a server says, or does not

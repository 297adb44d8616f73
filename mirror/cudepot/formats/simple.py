"""The simple repository API of Python package indexes, read and written.

Sources: PEP 503 and 691 (pages), 592 (yanked), 629 and 700 (versions, sizes), 658 and 714 (metadata files), 792
(project status).
"""

from __future__ import annotations

import html
import html.parser
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote, unquote, urljoin, urlsplit

from packaging.utils import canonicalize_name

from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.paths import safe_name

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
API_VERSION = "1.4"
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
_MOST_BYTES = 1 << 62
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class IndexFile:
    """One file of a project page.

    Attributes:
        filename: its name, unquoted.
        url: absolute URL.
        sha256: its hash; empty when the page gives none.
        size: bytes; None when the page does not say (HTML pages never do).
        yanked: whether it must not be chosen unless pinned exactly.
    """

    filename: str
    url: str
    sha256: str
    size: int | None = None
    yanked: bool = False


def parse_page(body: bytes, content_type: str, url: str) -> list[IndexFile]:
    """Return the files of a project page, JSON or HTML; raise FormatError when it is neither."""
    if content_type == JSON_TYPE:
        return _parse_json(body, url)
    if content_type in ("text/html", "application/vnd.pypi.simple.v1+html", ""):
        return _parse_html(body, url)
    raise FormatError(f"{url}: a page of type {content_type!r}", hint="is this the URL of a simple index (PEP 503)?")


def _parse_json(body: bytes, url: str) -> list[IndexFile]:
    try:
        page = json.loads(body)
        return [_json_file(one, url) for one in page["files"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{url}: not a PEP 691 page ({type(error).__name__}: {error})") from error


def _json_file(one: dict[str, object], base: str) -> IndexFile:
    hashes, size = one.get("hashes"), one.get("size")
    sha256 = hashes.get("sha256", "") if isinstance(hashes, dict) else ""
    return IndexFile(
        _plain(str(one["filename"]), base),
        urljoin(base, str(one["url"])),
        sha256 if _SHA256.fullmatch(sha256) else "",
        size if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < _MOST_BYTES else None,
        bool(one.get("yanked", False)),
    )


def _plain(name: str, page: str) -> str:
    """Refuse names with folders in them; what is no file name at all (a link to a folder) is not our business."""
    if "/" in name or (name and safe_name(name) != name):
        raise FormatError(
            f"{page}: {name[:200]!r} is no plain file name", hint="the index may be hostile: do not use it"
        )
    return name


class _Anchors(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.base = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))
        elif tag == "base" and not self.base:
            self.base = dict(attrs).get("href") or ""


def _parse_html(body: bytes, url: str) -> list[IndexFile]:
    parser = _Anchors()
    parser.feed(body.decode(errors="replace"))
    base = _joined(url, parser.base) or url
    links = [(one, _joined(base, one.get("href") or "")) for one in parser.found]
    return [_html_file(one, link, base) for one, link in links if link]


def _joined(base: str, link: str) -> str:
    """Return an absolute URL; empty where the link is none at all."""
    try:
        return urljoin(base, link) if link else ""
    except ValueError:
        return ""


def _html_file(anchor: dict[str, str | None], link: str, base: str) -> IndexFile:
    parts = urlsplit(link)
    name, _, value = parts.fragment.partition("=")
    sha256 = value.lower() if name == "sha256" and _SHA256.fullmatch(value.lower()) else ""
    filename = _plain(unquote(parts.path.rsplit("/", 1)[-1]), base)
    return IndexFile(filename, parts._replace(fragment="").geturl(), sha256, None, "data-yanked" in anchor)


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
    """

    project: str
    version: str
    filename: str
    digest: Digest
    metadata_sha256: str
    requires_python: str = ""


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


def project_name(name: str) -> str:
    """Return a project's normalised name (PEP 503)."""
    return str(canonicalize_name(name))


def _anchor(one: PublishedWheel, prefix: str) -> str:
    href = f"{prefix}{quote(one.filename)}#sha256={one.digest.sha256}"
    fields = {
        "href": href,
        "data-requires-python": one.requires_python,
        "data-dist-info-metadata": f"sha256={one.metadata_sha256}",
        "data-core-metadata": f"sha256={one.metadata_sha256}",
    }
    attributes = " ".join(f'{key}="{html.escape(value)}"' for key, value in fields.items() if value)
    return f"<a {attributes}>{html.escape(one.filename)}</a>"


def _json_row(one: PublishedWheel, prefix: str) -> dict[str, object]:
    row: dict[str, object] = {
        "filename": one.filename,
        "url": prefix + quote(one.filename),
        "hashes": {"sha256": one.digest.sha256},
        "size": one.digest.size,
        # Not "dist-info-metadata" beside it: pip 22.3 to 23.0 (Debian 12's) dies of that key (PEP 714).
        "core-metadata": {"sha256": one.metadata_sha256},
    }
    if one.requires_python:
        row["requires-python"] = one.requires_python
    return row


def _html_page(title: str, rows: str, told: Mapping[str, str] = MappingProxyType({})) -> bytes:
    told = {"pypi:repository-version": API_VERSION, **told}
    metas = [f'<meta name="{name}" content="{html.escape(text)}">' for name, text in told.items() if text]
    head = "\n    ".join([*metas, f"<title>{title}</title>"])
    return f"<!DOCTYPE html>\n<html>\n  <head>\n    {head}\n  </head>\n  <body>\n{rows}  </body>\n</html>\n".encode()

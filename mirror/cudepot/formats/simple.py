"""The simple repository API of Python package indexes, as others write it: pages in, files out.

Sources: PEP 503 and 691 (pages), 592 (yanked), 629 and 700 (versions, sizes, times), 658 and 714 (metadata files), 740
(provenance).
"""

from __future__ import annotations

import datetime
import functools
import html.parser
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

from packaging.utils import canonicalize_name

from cudepot.errors import FormatError
from cudepot.paths import safe_name
from cudepot.urls import split_url

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
_HTML_TYPES = ("text/html", "application/vnd.pypi.simple.v1+html", "")
_MOST_BYTES = 1 << 62
_MOST_URL = 4096  # characters
_MOST_TAG = 1 << 20  # bytes of one tag; the parser takes quadratic time for one that does not end
_PIECE = 1 << 16  # characters the parser is fed at a time
_LENGTHS = {"sha256": 64, "sha512": 128, "sha384": 96, "sha224": 56, "sha1": 40, "md5": 32}
"""The hashes pip takes, and how many hex digits they have."""
_HEX = re.compile(r"[0-9a-f]+")
# What nearly every row of a page looks like, of thousands: nothing has to be taken apart to know that it is good.
_USUAL_URL = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,4})?/[A-Za-z0-9_.~/+%-]*")
_USUAL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+!-]*")
_USUAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_USUAL_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class IndexFile:
    """One file of a project page.

    Attributes:
        filename: its name, unquoted.
        url: absolute URL.
        sha256: its hash; empty when the page gives none.
        size: bytes; None when the page does not say (HTML pages rarely do).
        yanked: whether it must not be chosen unless pinned exactly.
        reason: why it was yanked, in one line; may be empty.
        uploaded: when, as ``2025-08-07T20:46:48.572784Z``; empty where the page does not say.
        hashes: the other hashes the page gives, as (name, lower-case hex), the strongest first.
        requires_python: which Pythons it is for, as the page writes it (PEP 440); empty for all, or not told.
        core_metadata: sha256 of the METADATA that is served beside it as ``url`` + ``.metadata``; empty where it is
            served and the page gives no sha256, None where it is not.
        provenance: absolute URL of its attestations (PEP 740); empty where the page names none.
    """

    filename: str
    url: str
    sha256: str
    size: int | None = None
    yanked: bool = False
    reason: str = ""
    uploaded: str = ""
    hashes: tuple[tuple[str, str], ...] = ()
    requires_python: str = ""
    core_metadata: str | None = None
    provenance: str = ""


def parse_page(
    body: bytes, content_type: str, url: str, wanted: Callable[[str], bool] = lambda _: True
) -> list[IndexFile]:
    """Return the files of a project page, JSON or HTML; raise FormatError when it is neither.

    Args:
        body: of the page.
        content_type: as it came.
        url: of the page.
        wanted: judges the name of a file; of those it refuses no more is read (pages name tens of thousands).
    """
    if content_type == JSON_TYPE:
        return _parse_json(body, url, wanted)
    if content_type in _HTML_TYPES:
        return [one for one in _parse_html(body, url) if wanted(one.filename)]
    raise FormatError(f"{url}: a page of type {content_type!r}", hint="is this the URL of a simple index (PEP 503)?")


def project_name(name: str) -> str:
    """Return a project's normalised name (PEP 503)."""
    return str(canonicalize_name(name))


def _parse_json(body: bytes, url: str, wanted: Callable[[str], bool]) -> list[IndexFile]:
    try:
        page = json.loads(body)
        _check_version(page["meta"]["api-version"] if "meta" in page else "1.0", url)
        return [_json_file(one, url) for one in page["files"] if wanted(one["filename"])]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(
            f"{url}: not a PEP 691 page ({type(error).__name__}: {str(error)[:200]})",
            hint="is this the URL of a simple index?",
        ) from error


def _check_version(version: object, url: str) -> None:
    """Refuse a page of another major version, as PEP 629 demands."""
    if str(version).partition(".")[0] != "1":
        raise FormatError(f"{url}: version {str(version)[:20]!r} of the simple API; this cudepot reads 1.x")


def _json_file(one: dict[str, object], base: str) -> IndexFile:
    filename, link = one["filename"], one["url"]
    if not isinstance(filename, str) or not isinstance(link, str):
        raise TypeError("`filename` and `url` have to be strings")
    hashes, size, yanked = one.get("hashes"), one.get("size"), one.get("yanked", False)
    known = _json_hashes(hashes)
    return IndexFile(
        _plain(filename, base),
        link if _USUAL_URL.fullmatch(link) else urljoin(base, link),
        known.pop("sha256", ""),
        size if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < _MOST_BYTES else None,
        bool(yanked),
        _line(yanked),
        rfc3339(one.get("upload-time")),
        tuple(known.items()),
        _line(one.get("requires-python")),
        _core_metadata(one.get("core-metadata", one.get("dist-info-metadata"))),
        _web(one.get("provenance")),
    )


def _json_hashes(hashes: object) -> dict[str, str]:
    if not isinstance(hashes, dict):
        return {}
    only = hashes.get("sha256") if len(hashes) == 1 else None
    if isinstance(only, str) and _USUAL_HASH.fullmatch(only):
        return {"sha256": only}
    return _hashes(hashes.items())


def _hashes(pairs: Iterable[tuple[object, object]]) -> dict[str, str]:
    """Return the hashes that are any, by name, the strongest first."""
    given = {str(name): str(value).lower() for name, value in pairs}
    return {
        name: given[name] for name, length in _LENGTHS.items() if len(given.get(name, "")) == length
        and _HEX.fullmatch(given[name])
    }  # fmt: skip


def _core_metadata(offered: object) -> str | None:
    """Return the sha256 of an offered METADATA; empty for one without, None where none is offered."""
    if isinstance(offered, dict):
        return _hashes(offered.items()).get("sha256", "")
    return "" if offered is True else None


def _web(link: object) -> str:
    """Return an absolute http(s) URL as it is; empty where it is none, or could not stand in a document of ours."""
    if not isinstance(link, str) or len(link) > _MOST_URL or not link.startswith(("https://", "http://")):
        return ""
    parts = split_url(link)
    return link if parts and parts.hostname and "@" not in parts.netloc and link.isprintable() else ""


def _line(text: object) -> str:
    """Return what somebody wrote as one line that cannot move a cursor; empty where it is no text."""
    return _one_line(text) if isinstance(text, str) else ""


@functools.lru_cache(1024)  # pages say the same of thousands of files
def _one_line(text: str) -> str:
    return "".join(one for one in " ".join(text.split()) if one.isprintable())[:500]


def rfc3339(text: object) -> str:
    """Return a time of RFC 3339 in UTC, with microseconds; empty where it is none."""
    try:
        found = datetime.datetime.fromisoformat(text) if isinstance(text, str) and "T" in text else None
        if found and isinstance(text, str) and _USUAL_TIME.fullmatch(text):
            return text
        return f"{found.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%S.%fZ}" if found and found.tzinfo else ""
    except (ValueError, OverflowError):
        return ""


def _plain(name: str, page: str) -> str:
    """Refuse names with folders in them; what is no file name at all (a link to a folder) is not our business."""
    if _USUAL_NAME.fullmatch(name):
        return name
    if "/" in name or (name and safe_name(name) != name):
        raise FormatError(
            f"{page}: {name[:200]!r} is not a plain file name", hint="the index may be hostile: do not use it"
        )
    return name if name.isprintable() else ""


class _Anchors(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.base = self.version = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))
        elif tag == "base" and not self.base:
            self.base = dict(attrs).get("href") or ""
        elif tag == "meta" and dict(attrs).get("name") == "pypi:repository-version":
            self.version = dict(attrs).get("content") or ""


def _parse_html(body: bytes, url: str) -> list[IndexFile]:
    parser = _fed(body, url)
    _check_version(parser.version or "1.0", url)
    base = _joined(url, parser.base) or url
    links = [(one, _joined(base, one.get("href") or "")) for one in parser.found]
    return [_html_file(one, link, base) for one, link in links if link]


def _fed(body: bytes, url: str) -> _Anchors:
    """Parse a page piece by piece; html.parser gives up some broken declarations with an AssertionError."""
    parser, text = _Anchors(), body.decode(errors="replace")
    try:
        for start in range(0, len(text), _PIECE):
            parser.feed(text[start : start + _PIECE])
            if len(parser.rawdata) > _MOST_TAG:
                raise ValueError("a tag that does not end")
    except (AssertionError, ValueError, RecursionError) as error:
        raise FormatError(
            f"{url}: not an HTML page ({str(error)[:200] or type(error).__name__})",
            hint="is this the URL of a simple index (PEP 503)?",
        ) from error
    return parser


def _joined(base: str, link: str) -> str:
    """Return an absolute URL; empty where the link is none at all."""
    try:
        return urljoin(base, link) if link else ""
    except ValueError:
        return ""


def _html_file(anchor: dict[str, str | None], link: str, base: str) -> IndexFile:
    parts = urlsplit(link)
    known = _hashes((name, value) for name, _, value in (one.partition("=") for one in parts.fragment.split("&")))
    filename, size = _plain(unquote(parts.path.rsplit("/", 1)[-1]), base), anchor.get("data-size") or ""
    return IndexFile(
        filename,
        parts._replace(fragment="").geturl(),
        known.pop("sha256", ""),
        int(size) if size.isascii() and size.isdecimal() and len(size) < 19 else None,
        "data-yanked" in anchor,
        _line(anchor.get("data-yanked")),
        rfc3339(anchor.get("data-upload-time")),
        tuple(known.items()),
        _line(anchor.get("data-requires-python")),
        _core_metadata(_offer(anchor)),
        _web(anchor.get("data-provenance")),
    )


def _offer(anchor: Mapping[str, str | None]) -> object:
    """Return what a link says of its METADATA as JSON would (PEP 714: the newer attribute counts)."""
    for name in ("data-core-metadata", "data-dist-info-metadata"):
        if name in anchor:
            algorithm, _, value = (anchor[name] or "").partition("=")
            return {algorithm: value} if value else algorithm != "false"
    return None

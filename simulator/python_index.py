"""A package index as the public one answers: pages in JSON and HTML, files on another host, neither with an ETag.

Sources: PEP 503, 691 (pages), 592 (yanked), 658 and 714 (metadata), 700 (versions, sizes, times), 740 (provenance),
792 (status). Pages are written anew at every change; a test reads what was asked for from the two servers' records.
"""

from __future__ import annotations

import email
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self
from urllib.parse import quote

from simulator.python_files import Dist, sdist, tiny_wheel, wheel
from simulator.server import Server
from simulator.simple import normalized

UPLOADED = "2026-01-15T12:00:00.000000Z"
File = tuple[str, bytes]


@dataclass
class Listed:
    """A file as its project's page lists it.

    Attributes:
        path: where its server has it, decoded.
        sha256: as the page says it; empty for none.
        uploaded: upload-time, RFC 3339; empty for none.
        yanked: None, or the reason, which may be empty.
        core_metadata: sha256 of the ``.metadata`` file; empty: offered without a hash; None: not offered.
        provenance: whether the page names a provenance file.
        elsewhere: whether it lies on the second host.
    """

    filename: str
    path: str
    sha256: str
    size: int
    uploaded: str
    requires_python: str
    yanked: str | None
    core_metadata: str | None
    provenance: bool
    elsewhere: bool

    @property
    def version(self) -> str:
        """Version, out of the file name."""
        return self.filename.removesuffix(".tar.gz").split("-")[1]


class PythonIndex:
    """A public index for one test (a context manager), empty at first.

    Attributes:
        server: serves the pages.
        files: serves the files; ``ranges`` and faults of both are a test's to set.
        status: project → (status, reason) of PEP 792.
    """

    PAGES: ClassVar[str] = "/simple"
    JSON: ClassVar[bool] = True
    ELSEWHERE: ClassVar[bool] = True

    def __init__(self, folder: Path) -> None:
        self.server, self.files = Server(folder / "pages"), Server(folder / "files")
        self.status: dict[str, tuple[str, str]] = {}
        self._listed: dict[str, dict[str, Listed]] = {}
        for one in (self.server, self.files):
            one.root.mkdir(parents=True)
            one.validators = False

    def __enter__(self) -> Self:
        self.server.__enter__()
        self.files.__enter__()
        self._write_names()
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.files.__exit__(kind, e, tb)
        self.server.__exit__(kind, e, tb)

    @property
    def url(self) -> str:
        """URL of the index, with a slash at the end."""
        return f"{self.server.url}{self.PAGES}/"

    def forget(self) -> None:
        """Start counting requests anew, on both hosts."""
        self.server.forget()
        self.files.forget()

    # what it has

    def add(self, dist: Dist, *tags: str, source: bool = False, size: int = 0, **said: object) -> list[Listed]:
        """Offer a version as wheels (pure where no tag is given), with an sdist if ``source``."""
        made = [wheel(dist, tag, size=size) for tag in tags or ("py3-none-any",)]
        return [self.offer(one, **said) for one in [*made, *([sdist(dist)] if source else [])]]  # type: ignore[arg-type]

    def add_source(self, dist: Dist, **said: object) -> Listed:
        """Offer a version as an sdist alone."""
        return self.offer(sdist(dist), **said)  # type: ignore[arg-type]

    def offer(
        self,
        file: File,
        *,
        uploaded: str = UPLOADED,
        yanked: str | None = None,
        hashed: bool = True,
        served: bytes | None = None,
        core_metadata: str | None = "sha256",
        provenance: bytes | None = None,
        elsewhere: bool | None = None,
    ) -> Listed:
        """Offer a file.

        Args:
            hashed: whether the page says its hash.
            served: what ``.metadata`` gives in place of the wheel's METADATA, whose hash the page says all the same.
            core_metadata: ``sha256``; ``bare`` for one without a hash; None for none.
            provenance: the attestations of PEP 740.
            elsewhere: whether it lies on the second host; None for where this index usually has its files.
        """
        filename, data = file
        said = metadata_of(file)
        found = email.message_from_bytes(said)
        sha256 = hashlib.sha256(data).hexdigest()
        promise = (
            None if not filename.endswith(".whl") else {"sha256": _sha256(said), "bare": ""}.get(str(core_metadata))
        )
        listed = Listed(
            filename, self.path_of(filename, sha256), sha256 if hashed else "", len(data), uploaded,
            found["Requires-Python"] or "", yanked, promise, provenance is not None,
            self.ELSEWHERE if elsewhere is None else elsewhere,
        )  # fmt: skip
        self._put(listed, "", data)
        if promise is not None:
            self._put(listed, ".metadata", said if served is None else served)
        if provenance is not None:
            self._put(listed, ".provenance", provenance)
        self._listed.setdefault(project_of(filename), {})[filename] = listed
        self._write(project_of(filename))
        return listed

    def listed(self, filename: str) -> Listed:
        """Return how a file is listed; after changing it, call :meth:`rewrite`."""
        return self._listed[project_of(filename)][filename]

    def rewrite(self, *projects: str) -> None:
        """Write the pages of projects anew, or all."""
        for one in projects or tuple(self._listed):
            self._write(normalized(one))

    def read(self, filename: str) -> bytes:
        """Return the bytes of a file as they are served."""
        return self._file(self.listed(filename)).read_bytes()

    def path_of(self, filename: str, sha256: str) -> str:
        """Return where a file lies on its server: by its hash, so that other bytes get another URL."""
        return f"/packages/{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}/{filename}"

    # what happens to it

    def yank(self, filename: str, reason: str = "") -> None:
        """Withdraw a file as PEP 592 has it: still there, for those that name it exactly."""
        self.listed(filename).yanked = reason
        self._write(project_of(filename))

    def withdraw(self, *filenames: str) -> None:
        """Take files off their pages and away."""
        for filename in filenames:
            self.lose(filename)
            del self._listed[project_of(filename)][filename]
            self._write(project_of(filename))

    def lose(self, filename: str) -> None:
        """Answer 404 for a file that its page goes on listing."""
        self._file(self.listed(filename)).unlink()

    def drop(self, project: str) -> None:
        """Take a project away, page and files."""
        self.withdraw(*self._listed[normalized(project)])
        del self._listed[normalized(project)]
        for one in (self._page(project) / "index.html", self._page(project) / "index.json"):
            one.unlink(missing_ok=True)
        self._write_names()

    def alter(self, filename: str) -> bytes:
        """Serve another wheel under a name; the page still says the old hash. Returns the new bytes."""
        data = tiny_wheel(filename, marker="altered")
        self._file(self.listed(filename)).write_bytes(data)
        return data

    def contradict(self, filename: str) -> None:
        """Let a page list a file twice, the second time with another hash."""
        listed = self.listed(filename)
        other = Listed(**{**vars(listed), "sha256": _sha256(b"another file")})
        self._listed[project_of(filename)][f"{filename} again"] = other
        self._write(project_of(filename))

    def raw(self, project: str, html: str) -> None:
        """Write a project's page by hand, as HTML."""
        page = self._page(project)
        page.mkdir(parents=True, exist_ok=True)
        (page / "index.html").write_text(html)
        (page / "index.json").unlink(missing_ok=True)

    # pages

    def href(self, listed: Listed) -> str:
        """Return the link of a file as its page has it."""
        return f"{self._host(listed).url}{quote(listed.path)}"

    def foot(self) -> str:
        """Return what ends each page of HTML."""
        return ""

    def _host(self, listed: Listed) -> Server:
        return self.files if listed.elsewhere else self.server

    def _file(self, listed: Listed, suffix: str = "") -> Path:
        return self._host(listed).root / f"{listed.path.lstrip('/')}{suffix}"

    def _put(self, listed: Listed, suffix: str, data: bytes) -> None:
        file = self._file(listed, suffix)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def _page(self, project: str) -> Path:
        return self.server.root / self.PAGES.lstrip("/") / normalized(project)

    def _write(self, project: str) -> None:
        new, page, rows = not self._page(project).exists(), self._page(project), list(self._listed[project].values())
        page.mkdir(parents=True, exist_ok=True)
        (page / "index.html").write_text(_html(f"Links for {project}", self._links(rows)) + self.foot())
        if self.JSON:
            status = self.status.get(project)
            body = {
                "meta": {"api-version": "1.4"}, "name": project, "files": [self._row(one) for one in rows],
                "versions": list(dict.fromkeys(one.version for one in rows)),
            }  # fmt: skip
            more = {"project-status": {"status": status[0], "reason": status[1]}} if status else {}
            (page / "index.json").write_text(json.dumps(body | more))
        if new:
            self._write_names()

    def _write_names(self) -> None:
        folder, names = self.server.root / self.PAGES.lstrip("/"), sorted(self._listed)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.html").write_text(_html("Simple index", (f'<a href="{one}/">{one}</a>' for one in names)))
        if self.JSON:
            body = {"meta": {"api-version": "1.4"}, "projects": [{"name": one} for one in names]}
            (folder / "index.json").write_text(json.dumps(body))

    def _row(self, listed: Listed) -> dict[str, object]:
        metadata = listed.core_metadata
        offered = {"sha256": metadata} if metadata else metadata is not None
        row: dict[str, object] = {
            "filename": listed.filename, "url": self.href(listed), "size": listed.size,
            "hashes": {"sha256": listed.sha256} if listed.sha256 else {},
            "requires-python": listed.requires_python or None,
            "yanked": listed.yanked is not None and (listed.yanked or True),
            "core-metadata": offered, "data-dist-info-metadata": offered,
            "provenance": f"{self.href(listed)}.provenance" if listed.provenance else None,
        }  # fmt: skip
        return row | ({"upload-time": listed.uploaded} if listed.uploaded else {})

    def _links(self, rows: list[Listed]) -> Iterator[str]:
        for one in rows:
            said = {
                "href": self.href(one) + (f"#sha256={one.sha256}" if one.sha256 else ""),
                "data-requires-python": one.requires_python or None,
                "data-dist-info-metadata": _promise(one),
                "data-core-metadata": _promise(one),
                "data-yanked": one.yanked,
                "data-provenance": f"{self.href(one)}.provenance" if one.provenance else None,
            }
            shown = "".join(f' {key}="{escape(value)}"' for key, value in said.items() if value is not None)
            yield f"<a{shown}>{escape(one.filename)}</a>"


def project_of(filename: str) -> str:
    """Return the normalised project a file belongs to."""
    return normalized(filename.split("-", maxsplit=1)[0])


def metadata_of(file: File) -> bytes:
    """Return METADATA of a wheel, or PKG-INFO of an sdist."""
    filename, data = file
    if filename.endswith(".whl"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = (one for one in archive.namelist() if one.count("/") == 1)  # what is vendored lies deeper
            return archive.read(next(one for one in names if one.endswith(".dist-info/METADATA")))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        member = archive.extractfile(f"{filename.removesuffix('.tar.gz')}/PKG-INFO")
        return member.read() if member else b""


def _promise(listed: Listed) -> str | None:
    return (
        f"sha256={listed.core_metadata}" if listed.core_metadata else None if listed.core_metadata is None else "true"
    )


def _html(title: str, links: Iterator[str]) -> str:
    head = f'<!DOCTYPE html>\n<html><head><meta name="pypi:repository-version" content="1.4"><title>{title}</title>'
    return f"{head}</head>\n<body>\n<h1>{title}</h1>\n" + "".join(f"{one}<br>\n" for one in links) + "</body></html>\n"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

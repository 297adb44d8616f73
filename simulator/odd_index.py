"""A wheel index whose pages are written by hand, each as odd as a test wants it; its wheels are small and real."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from simulator.python_files import tiny_wheel
from simulator.server import Server

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"


class OddIndex:
    """Pages below ``/simple/`` and files below ``/files/`` of a server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        (server.root / "files").mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        """URL of the index, with a slash at the end."""
        return f"{self.server.url}/simple/"

    def put(self, filename: str, data: bytes | None = None) -> bytes:
        """Put a file (by default a small wheel of that name) below ``/files/`` and return its bytes."""
        data = tiny_wheel(filename) if data is None else data
        (self.server.root / "files" / filename).write_bytes(data)
        return data

    def link(self, filename: str, *hashes: str, data: bytes | None = None, **attributes: str) -> str:
        """Put a file and return a link to it with the hashes named, and attributes (dashes written as underscores)."""
        data = self.put(filename, data)
        fragment = "&".join(f"{one}={hashlib.new(one, data).hexdigest()}" for one in hashes)
        more = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
        return f'<a href="../../files/{filename}{"#" * bool(fragment)}{fragment}"{more}>{filename}</a><br>\n'

    def html(self, project: str, *parts: str) -> None:
        """Write a project's page of HTML out of links, or of anything."""
        self._write(project, "index.html", "<!DOCTYPE html>\n<html><body>\n" + "".join(parts) + "</body></html>\n")

    def raw(self, project: str, body: str, name: str = "index.html") -> None:
        """Write a project's page as it is."""
        self._write(project, name, body)

    def entry(self, filename: str, *hashes: str, data: bytes | None = None, **more: object) -> dict[str, object]:
        """Put a file and return its row of a JSON page; dashes in keys are written as underscores here."""
        data = self.put(filename, data)
        row: dict[str, object] = {
            "filename": filename, "url": f"../../files/{filename}",
            "hashes": {one: hashlib.new(one, data).hexdigest() for one in hashes},
        }  # fmt: skip
        return row | {key.replace("_", "-"): value for key, value in more.items()}

    def json(self, project: str, *files: Mapping[str, object], **more: object) -> None:
        """Write a project's page of JSON."""
        page = {"meta": {"api-version": "1.1"}, "name": project, "files": list(files)} | more
        self._write(project, "index.html", "<html></html>")
        self._write(project, "index.json", json.dumps(page))

    def _write(self, project: str, name: str, text: str) -> None:
        folder = self.server.root / "simple" / project
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

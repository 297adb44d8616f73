"""Publishes a wheel index in both forms of the simple API: PEP 503 HTML and PEP 691 JSON, with PEP 658 metadata.

Both forms are files (``index.html`` and ``index.json`` beside it); the server picks one by the Accept header.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from html import escape
from pathlib import Path
from urllib.parse import quote

from simulator.wheels import wheel_metadata


def normalized(name: str) -> str:
    """Return a project name as PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


class WheelIndex:
    """An index under ``root/simple/`` whose files lie under ``root/packages/``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._projects: dict[str, list[Path]] = {}

    def at(self, root: Path) -> WheelIndex:
        """Return the same index under another root (already copied there)."""
        other = WheelIndex(root)
        for name, files in self._projects.items():
            other._projects[name] = [root / file.relative_to(self.root) for file in files]
        return other

    def add(self, *files: Path) -> None:
        """Copy wheels (or other files whose names begin with a project's) into the index."""
        (self.root / "packages").mkdir(parents=True, exist_ok=True)
        for file in files:
            target = self.root / "packages" / file.name
            shutil.copyfile(file, target)
            self._projects.setdefault(normalized(file.name.split("-")[0]), []).append(target)

    def publish(self) -> None:
        """Write the pages of all projects and the list of projects."""
        for name, files in self._projects.items():
            self._write(name, [_entry(file) for file in files])
        names = sorted(self._projects)
        links = "".join(f'<a href="{name}/">{name}</a><br>\n' for name in names)
        page: dict[str, object] = {
            "meta": {"api-version": "1.1"},
            "projects": [{"name": name} for name in names],
        }
        _write_page(self.root / "simple", "Simple index", links, page)

    def _write(self, name: str, entries: list[dict[str, object]]) -> None:
        links = "".join(_link(entry) for entry in entries)
        page: dict[str, object] = {"meta": {"api-version": "1.1"}, "name": name, "files": entries,
                "versions": sorted({str(entry["filename"]).split("-")[1] for entry in entries})}  # fmt: skip
        _write_page(self.root / "simple" / name, f"Links for {name}", links, page)


def _entry(file: Path) -> dict[str, object]:
    entry: dict[str, object] = {
        "filename": file.name, "url": f"../../packages/{quote(file.name)}", "size": file.stat().st_size,
        "hashes": {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()},
        "requires-python": ">=3", "upload-time": "2020-11-06T00:00:00.000000Z", "yanked": False,
    }  # fmt: skip
    if file.suffix == ".whl":
        metadata = wheel_metadata(file)
        file.with_name(f"{file.name}.metadata").write_bytes(metadata)
        entry["core-metadata"] = {"sha256": hashlib.sha256(metadata).hexdigest()}
    return entry


def _link(entry: dict[str, object]) -> str:
    hashes, metadata = entry["hashes"], entry.get("core-metadata")
    assert isinstance(hashes, dict)
    extra = f' data-core-metadata="sha256={metadata["sha256"]}"' if isinstance(metadata, dict) else ""
    url = escape(f"{entry['url']}#sha256={hashes['sha256']}")
    return f'<a href="{url}" data-requires-python="&gt;=3"{extra}>{escape(str(entry["filename"]))}</a><br>\n'


def _write_page(folder: Path, title: str, links: str, page: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    head = f'<!DOCTYPE html>\n<html><head><meta name="pypi:repository-version" content="1.1"><title>{title}</title>'
    (folder / "index.html").write_text(f"{head}</head>\n<body>\n{links}</body></html>\n")
    (folder / "index.json").write_text(json.dumps(page, indent=1) + "\n")

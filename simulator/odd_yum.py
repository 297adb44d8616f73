"""Makes small yum repositories that are odd in one way each: createrepo_c's metadata, then changed as text.

A repository holds ``tool``, which requires ``tool-libs`` by a capability, unless a row adds others or takes them away.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

from simulator.keys import Key, KeyHome
from simulator.process import run
from simulator.rpms import Rpm, simple_rpm, write_rpm

STAMP = 1760000000
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.compress,
}


@dataclass
class Record:
    """One ``<data>`` of repomd.xml before it is written; what is empty is left out of it.

    Attributes:
        data: the uncompressed document.
        packed: what is served, where that is not ``data`` in the form ``ending`` tells.
        checksum: name of the hash the file is known by.
        fields: further elements, or other values of the usual ones, as text.
        href: where it is served, if not under its type.
    """

    data: bytes
    ending: str = ".gz"
    packed: bytes | None = None
    checksum: str = "sha256"
    fields: dict[str, str] = field(default_factory=dict)
    href: str = ""
    extra: str = ""


class OddYum:
    """A yum repository in ``folder`` in the making.

    Attributes:
        records: type → what repomd.xml will say of it; primary, filelists and other are there after ``index``.
        head: what stands in repomd.xml before the records.
        repomd: changes the text of repomd.xml in the end.
        dead: files that are gone when all is written.
    """

    def __init__(self, folder: Path, url: str, shelf: Shelf) -> None:
        self.folder, self.url, self.shelf = folder, url, shelf
        self.records: dict[str, Record] = {}
        self.head = f"<revision>{STAMP}</revision>"
        self.repomd: Callable[[str], str] = str
        self.dead: list[str] = []
        folder.mkdir(parents=True)

    def add(self, *rpms: Rpm | Path, at: str = "") -> None:
        """Put rpms into the folder; each repository has bytes of its own, so none is fetched from another one."""
        for one in rpms:
            path = self.shelf.built(one) if isinstance(one, Rpm) else one
            target = self.folder / (at or path.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes() + self.folder.name.encode())

    def index(self, *options: str) -> None:
        """Let createrepo_c describe what is in the folder."""
        with tempfile.TemporaryDirectory(prefix="odd-") as name:
            run(
                "createrepo_c", "--quiet", "--workers", "1", "--no-database", "--outputdir", name, *options, self.folder
            )
            for kind in ("primary", "filelists", "other"):
                (path,) = Path(name).glob(f"repodata/*-{kind}.xml.*")
                self.records[kind] = Record(gzip.decompress(path.read_bytes()))

    def change(self, kind: str, *pairs: tuple[str, str], encoding: str = "utf-8") -> None:
        """Replace text in a document; every text has to be there."""
        text = self.records[kind].data.decode()
        for old, new in pairs:
            assert old in text, (kind, old, text)
            text = text.replace(old, new)
        self.records[kind].data = text.encode(encoding)

    def entry(self, kind: str, name: str) -> str:
        """Return the entry of a package."""
        text = self.records[kind].data.decode()
        entries = re.findall(r"<package[ >].*?</package>", text, flags=re.S)
        return next(one for one in entries if f"<name>{name}</name>" in one or f'name="{name}"' in one)

    def move(self, to: str, href: str = "") -> None:
        """Let the rpm of ``tool`` lie elsewhere, and be called that in primary, or ``href``."""
        path = self.folder / to
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.folder / TOOL.file_name).rename(path)
        self.change("primary", (f'href="{TOOL.file_name}"', f'href="{href or to}"'))

    def again(self, change: Callable[[str], str], *, first: bool = False) -> None:
        """List ``tool`` once more, changed, behind or before its entry."""
        entry = self.entry("primary", "tool")
        other = change(entry)
        self.change("primary", (entry, other + entry if first else entry + other))

    def write(self) -> None:
        """Write the metadata as they are now."""
        (self.folder / "repodata").mkdir(exist_ok=True)
        parts = [self._written(kind, one) for kind, one in self.records.items()]
        spaces = 'xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm"'
        text = "\n".join(
            ['<?xml version="1.0" encoding="UTF-8"?>', f"<repomd {spaces}>", self.head, *parts, "</repomd>"]
        )
        (self.folder / "repodata/repomd.xml").write_text(self.repomd(text))
        for name in self.dead:
            (self.folder / name).unlink()

    def sign(self, keys: KeyHome, key: Key) -> None:
        """Sign repomd.xml."""
        path = self.folder / "repodata/repomd.xml"
        path.with_name("repomd.xml.asc").write_bytes(keys.detach(path.read_bytes(), key))
        path.with_name("repomd.xml.key").write_bytes(key.armored)

    def _written(self, kind: str, one: Record) -> str:
        packed = PACKERS[one.ending](one.data) if one.packed is None else one.packed
        form = {"modules": "yaml"}.get(kind, "sqlite" if kind.endswith("_db") else "xml")
        href = one.href or f"repodata/{kind.removesuffix('_db')}.{form}{one.ending}"
        path = self.folder / href
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed)
        name = {"sha": "sha1"}.get(one.checksum, one.checksum)
        fields = {
            "checksum": hashlib.new(name, packed).hexdigest(),
            "open-checksum": hashlib.new(name, one.data).hexdigest(),
            "timestamp": str(STAMP), "size": str(len(packed)), "open-size": str(len(one.data)),
        }  # fmt: skip
        rows = [
            f'<{tag} type="{one.checksum}">{value}</{tag}>' if tag.endswith("checksum") else f"<{tag}>{value}</{tag}>"
            for tag, value in (fields | one.fields).items()
            if value
        ]
        return "\n".join([f'<data type="{kind}">', *rows, f'<location href="{href}"/>', one.extra, "</data>"])


class Shelf:
    """Builds each rpm once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built: dict[str, Path] = {}

    def built(self, rpm: Rpm) -> Path:
        """Return the file of an rpm."""
        key = repr(rpm)
        if key not in self._built:
            place = self._folder / str(len(self._built))
            place.mkdir(parents=True)
            self._built[key] = write_rpm(rpm, place)
        return self._built[key]


TOOL = simple_rpm("tool", "1.0", "1", "x86_64", "Requires: libtool.so.1()(64bit)")
LIBS = simple_rpm("tool-libs", "1.0", "1", "x86_64", "Provides: libtool.so.1()(64bit)")

"""Publishes apt repositories: NVIDIA's flat form field by field, and an ordinary ``dists/`` one.

Publishing is made of three steps that tests can take one by one (index, Release, signatures), because
NVIDIA's own publication is not atomic and a mirror has to live with every state in between.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import zstandard

from simulator.keys import Key, KeyHome
from simulator.process import run

_ORDER = [
    "Package", "Version", "Architecture", "Multi-Arch", "Priority", "Section", "Source", "Origin", "Maintainer",
    "Original-Maintainer", "Bugs", "Installed-Size", "Provides", "Depends", "Pre-Depends", "Recommends",
    "Suggests", "Conflicts", "Breaks", "Replaces", "Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512",
    "Homepage", "Description",
]  # fmt: skip


PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
"""How the forms of an index are made, by their endings."""

SECTIONS = {"MD5Sum": ("md5", 48), "SHA1": ("sha1", 40), "SHA256": ("sha256", 16), "SHA512": ("sha512", 16)}
"""Sections of a Release: the hash, and the width NVIDIA gives the size."""


def control_fields(deb: Path) -> dict[str, str]:
    """Return the control fields of ``deb`` as the real dpkg-deb reads them; continuation lines kept."""
    fields: dict[str, str] = {}
    name = ""
    for line in run("dpkg-deb", "-f", deb).stdout.splitlines():
        if line.startswith((" ", "\t")):
            fields[name] += f"\n{line}"
        else:
            name, _, text = line.partition(":")
            fields[name] = text.strip()
    return fields


def stanza(deb: Path, file_name: str, hashes: tuple[str, ...] = tuple(SECTIONS)) -> str:
    """Return the Packages stanza of ``deb`` in NVIDIA's order of fields, ending with a newline."""
    data = deb.read_bytes()
    fields = control_fields(deb) | {"Filename": file_name, "Size": str(len(data))}
    for section in hashes:
        fields[section.replace("MD5Sum", "MD5sum")] = _hash(section, data)
    names = sorted(fields, key=lambda one: _ORDER.index(one) if one in _ORDER else len(_ORDER))
    return "".join(f"{name}: {fields[name]}\n" for name in names)


def _hash(section: str, data: bytes) -> str:
    return hashlib.new(SECTIONS[section][0], data, usedforsecurity=False).hexdigest()


def listing_of_sums(hashes: tuple[str, ...], files: dict[str, bytes]) -> list[str]:
    """Return the hash sections of a Release over ``files`` (path → content)."""
    lines: list[str] = []
    for section in hashes:
        width = SECTIONS[section][1]
        lines += [
            f"{section}:",
            *(f" {_hash(section, data)} {len(data):{width}d} {name}" for name, data in files.items()),
        ]
    return lines


class Publisher:
    """Writes files dated by a clock of its own, which begins in the past and moves on at every publication.

    Thus no two publications have the same ``Date`` or ``Last-Modified``, however fast a test is.
    """

    def __init__(self) -> None:
        self.clock = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)

    def tick(self) -> None:
        """Let a minute pass."""
        self.clock += timedelta(minutes=1)

    def put(self, path: Path, data: bytes) -> None:
        """Write a file and date it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (self.clock.timestamp(),) * 2)

    def date(self) -> str:
        """Return the clock as a Release file has it."""
        return format_datetime(self.clock)


class FlatRepo(Publisher):
    """A flat repository in ``folder`` as NVIDIA publishes one per distribution and architecture.

    Attributes:
        stanzas: what Packages consists of, in order; tests may edit it before :meth:`publish`.
        fields: the head of the Release file, in order; tests may edit it likewise.
        forms: endings of the served forms of Packages; the oldest repositories have ``.gz`` only.
        hashes: sections of the Release; nvidia.github.io has SHA512 only. ``stanza_hashes`` are those of stanzas.
        inline: whether there is an InRelease; the oldest repositories have none.
        beside: other files that the Release lists; NVIDIA's lists none.
    """

    def __init__(self, folder: Path, keys: KeyHome, key: Key, *, arch: str = "x86_64") -> None:
        super().__init__()
        self.folder, self.keys, self.key = folder, keys, key
        self.stanzas: list[str] = []
        self.fields = {"Origin": "NVIDIA", "Label": "NVIDIA CUDA", "Architecture": arch}
        self.forms: tuple[str, ...] = ("", ".gz")
        self.hashes: tuple[str, ...] = ("MD5Sum", "SHA1", "SHA256")
        self.stanza_hashes: tuple[str, ...] = tuple(SECTIONS)
        self.inline = True
        self.beside: dict[str, bytes] = {}
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def pub_name(self) -> str:
        """Name of the key file beside the index: the last eight hex digits, lower case."""
        return f"{self.key.fingerprint[-8:].lower()}.pub"

    def at(self, folder: Path, keys: KeyHome) -> FlatRepo:
        """Return the same repository in another folder (already copied there)."""
        other = FlatRepo(folder, keys, self.key)
        other.stanzas, other.fields = list(self.stanzas), dict(self.fields)
        other.clock = self.clock
        return other

    def add(self, *debs: Path) -> None:
        """Copy ``debs`` into the folder; a new stanza goes to the end, a changed one is moved there."""
        for deb in debs:
            self.put(self.folder / deb.name, deb.read_bytes())
            self.forget(deb.name)
            self.stanzas.append(stanza(deb, f"./{deb.name}", self.stanza_hashes))

    def forget(self, file_name: str) -> None:
        """Drop the stanza of a file; the file stays."""
        self.stanzas = [one for one in self.stanzas if f"Filename: ./{file_name}\n" not in one]

    def publish(self, *, date: str = "") -> None:
        """Write the index, the Release and the signatures."""
        self.write_index()
        self.write_release(date=date)
        self.sign()

    def write_index(self) -> None:
        """Write the forms of Packages only: what NVIDIA's clients see before the signatures follow."""
        self.tick()
        text = "\n".join(self.stanzas).encode()
        for form in self.forms:
            self.put(self.folder / f"Packages{form}", PACK[form](text))
        for path, data in self.beside.items():
            self.put(self.folder / path, data)

    def write_release(self, *, date: str = "") -> None:
        """Write Release over the index as it is now; the signatures are left as they are."""
        self.tick()
        lines = [f"{name}: {text}" for name, text in self.fields.items()]
        lines.append(f"Date: {date or self.date()}")
        names = [*(f"Packages{form}" for form in self.forms), *self.beside]
        lines += listing_of_sums(self.hashes, {name: (self.folder / name).read_bytes() for name in names})
        lines.append("Acquire-By-Hash: no")
        self.put(self.folder / "Release", ("\n".join(lines) + "\n").encode())

    def sign(self, key: Key | None = None, *others: Key, when: str = "", expires: str = "") -> None:
        """Write Release.gpg and InRelease by ``key`` (InRelease by ``others`` too), and the ``.pub`` file."""
        self.tick()
        signer, data = key or self.key, (self.folder / "Release").read_bytes()
        detached = self.keys.detach(data, signer, when=when, expires=expires)
        self.put(self.folder / "Release.gpg", detached)
        if self.inline:
            clear = self.keys.clearsign(data, signer, *others, when=when, expires=expires)
            self.put(self.folder / "InRelease", clear)
        self.put(self.folder / self.pub_name, self.key.armored)

    def resign(self, key: Key) -> None:
        """Make ``key`` the repository's key and sign the Release as it is now."""
        self.key = key
        self.sign()


class DistsRepo(Publisher):
    """An ordinary repository with ``dists/<suite>/<component>`` and ``pool/``, by-hash included.

    Attributes:
        places: stanzas by folder of their index below the suite (``main/binary-amd64``), in order.
        fields: the head of the Release file, in order; tests may edit it before :meth:`publish`.
        forms: endings of the served forms of Packages; plain Packages is listed but, as in Debian, not served.
        hashes: sections of the Release. Indexes lie under the last one's by-hash.
        beside: path below the suite → other files that the Release lists (contents, translations, sources).
        unserved: those of them that are listed only, as Debian does with the unpacked forms.
    """

    def __init__(
        self, folder: Path, keys: KeyHome, key: Key, *, suite: str = "stable", component: str = "main",
        arch: str = "amd64",
    ) -> None:  # fmt: skip
        super().__init__()
        self.folder, self.keys, self.key = folder, keys, key
        self.suite, self.component, self.arch = suite, component, arch
        self.places: dict[str, list[str]] = {f"{component}/binary-{arch}": []}
        self.forms: tuple[str, ...] = (".xz", ".gz")
        self.hashes: tuple[str, ...] = ("MD5Sum", "SHA256")
        self.beside: dict[str, bytes] = {}
        self.unserved: set[str] = set()
        self.inline = True
        self.fields = {"Origin": "Stand-in", "Label": "Stand-in", "Suite": suite, "Codename": suite}

    @property
    def dist(self) -> Path:
        """Folder of the suite."""
        return self.folder / "dists" / self.suite

    def add(self, *debs: Path, component: str = "", arch: str = "") -> None:
        """Copy ``debs`` into the pool and append their stanzas to the index of a component and architecture."""
        part = component or self.component
        for deb in debs:
            fields = control_fields(deb)
            source = fields.get("Source", fields["Package"]).split()[0]
            place = f"pool/{part}/{source[0]}/{source}/{deb.name.replace('%3a', ':').split(':')[-1]}"
            self.put(self.folder / place, deb.read_bytes())
            index = self.places.setdefault(f"{part}/binary-{arch or self.arch}", [])
            index.append(stanza(deb, place))

    def publish(self, *, date: str = "", valid_until: str = "") -> None:
        """Write indexes (also by hash), Release and the signatures."""
        self.tick()
        listed = self._write_indexes()
        parts, machines = zip(*(place.split("/binary-") for place in self.places), strict=True)
        fields = self.fields | {
            "Architectures": " ".join(sorted(set(machines))), "Components": " ".join(sorted(set(parts))),
            "Acquire-By-Hash": "yes", "Date": date or self.date(),
        }  # fmt: skip
        if valid_until:
            fields["Valid-Until"] = valid_until
        lines = [*(f"{name}: {text}" for name, text in fields.items()), *listing_of_sums(self.hashes, listed)]
        self.put(self.dist / "Release", ("\n".join(lines) + "\n").encode())
        self.sign()

    def sign(self, key: Key | None = None) -> None:
        """Write Release.gpg and InRelease by ``key``, or the repository's own."""
        signer, data = key or self.key, (self.dist / "Release").read_bytes()
        self.put(self.dist / "Release.gpg", self.keys.detach(data, signer))
        if self.inline:
            self.put(self.dist / "InRelease", self.keys.clearsign(data, signer))

    def _write_indexes(self) -> dict[str, bytes]:
        """Write the served indexes; return these and plain Packages."""
        listed: dict[str, bytes] = {}
        for place, stanzas in self.places.items():
            text = "\n".join(stanzas).encode()
            listed[f"{place}/Packages"] = text
            for form in self.forms:
                data = PACK[form](text)
                listed[f"{place}/Packages{form}"] = data
                self.put(self.dist / place / f"Packages{form}", data)
                self._put_hashed(self.dist / place, data)
        for path, data in self.beside.items():
            listed[path] = data
            if path not in self.unserved:
                self.put(self.dist / path, data)
                self._put_hashed((self.dist / path).parent, data)
        return listed

    def _put_hashed(self, folder: Path, data: bytes) -> None:
        self.put(folder / "by-hash" / self.hashes[-1] / _hash(self.hashes[-1], data), data)

"""A conda channel as conda-forge serves one, on loopback: small real packages, all forms of the index, and its mishaps.

Packages are written by hand after CEP 34 and 35, indexes after CEP 36, 16, 21 and 12: nothing of cudepot is used, so
that the two can disagree.
"""

from __future__ import annotations

import bz2
import copy
import hashlib
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgpack
import zstandard

Record = dict[str, Any]
FORMS = ("shards", "zst", "plain")
"""In which the index is served."""
_EPOCH = 1_790_000_000


class CondaPackage(NamedTuple):
    """A package as its recipe makes it.

    Attributes:
        depends: match specs.
        run_exports: what is needed by those built against it, all of it weak.
        files: path in the prefix → text, beside one that names the package.
    """

    name: str
    version: str = "1.0"
    build: str = "h0_0"
    number: int = 0
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    subdir: str = "linux-64"
    run_exports: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    @property
    def stem(self) -> str:
        """File name without its ending."""
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def described(self) -> Record:
        """Its ``info/index.json``."""
        noarch = {"noarch": "generic"} if self.subdir == "noarch" else {}
        return {
            "arch": None, "build": self.build, "build_number": self.number, "constrains": list(self.constrains),
            "depends": list(self.depends), "license": "MIT", "name": self.name, "platform": None,
            "subdir": self.subdir, "timestamp": _EPOCH * 1000, "version": self.version, **noarch,
        }  # fmt: skip


def package_bytes(package: CondaPackage, suffix: str = ".conda") -> bytes:
    """Return the package in either form; the same at each call."""
    content = {f"share/{package.name}/version": package.version, **dict(package.files)}
    paths = [
        {"_path": path, "path_type": "hardlink", "sha256": _sha256(text.encode()), "size_in_bytes": len(text.encode())}
        for path, text in content.items()
    ]
    info = {
        "info/about.json": {"summary": f"{package.name} of the simulator", "license": "MIT"},
        "info/index.json": package.described,
        "info/paths.json": {"paths": paths, "paths_version": 1},
        "info/run_exports.json": {"weak": list(package.run_exports)} if package.run_exports else {},
    }
    documents = {path: json.dumps(one).encode() for path, one in info.items()}
    documents["info/files"] = "".join(f"{path}\n" for path in content).encode()
    payload = {path: text.encode() for path, text in content.items()}
    if suffix == ".tar.bz2":
        return bz2.compress(_tar({**documents, **payload}))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in (
            ("metadata.json", b'{"conda_pkg_format_version": 2}'),
            (f"pkg-{package.stem}.tar.zst", _zst(_tar(payload))),
            (f"info-{package.stem}.tar.zst", _zst(_tar(documents))),
        ):
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 1, 0, 0, 0)), data)
    return out.getvalue()


@dataclass
class CondaChannel:
    """A channel in a folder; change it, then :meth:`publish`.

    Attributes:
        root: the channel's folder; a server shows it.
        forms: of the index that are served; ``plain`` always has to be there for ``noarch`` (CEP 36).
        records: subdir → file name → record, as the channel's index has it.
        exports: subdir → file name → run_exports.
        removed: subdir → file names that were taken out.
        base_url: where the index says packages are; empty for beside it.
        v3: subdir → form → stem → record of the newer revision.
        relations: channel relations (CEP 42).
        current: subdir → file names that are in ``current_repodata.json``, where there is one.
        day: how often it was published: indexes are dated after those before.
    """

    root: Path
    forms: tuple[str, ...] = FORMS
    records: dict[str, dict[str, Record]] = field(default_factory=lambda: {"linux-64": {}, "noarch": {}})
    exports: dict[str, dict[str, Record]] = field(default_factory=dict)
    removed: dict[str, list[str]] = field(default_factory=dict)
    base_url: str = ""
    v3: dict[str, dict[str, dict[str, Record]]] = field(default_factory=dict)
    relations: dict[str, str] = field(default_factory=dict)
    day: int = 0
    current: dict[str, list[str]] = field(default_factory=dict)

    def add(self, package: CondaPackage, *suffixes: str, **patched: object) -> None:
        """Put a package there, as ``.conda`` unless told otherwise; ``patched`` is what the index says otherwise."""
        for suffix in suffixes or (".conda",):
            data, filename = package_bytes(package, suffix), f"{package.stem}{suffix}"
            self._file(package.subdir, filename).write_bytes(data)
            sums = {"md5": hashlib.md5(data).hexdigest(), "sha256": _sha256(data), "size": len(data)}
            self.records.setdefault(package.subdir, {})[filename] = package.described | sums | patched
            gone = self.removed.get(package.subdir, [])
            gone[:] = [one for one in gone if one != filename]
            self.exports.setdefault(package.subdir, {})[filename] = (
                {"weak": list(package.run_exports)} if package.run_exports else {}
            )

    def put(self, file: Path, subdir: str) -> None:
        """Put a ``.conda`` that somebody has made there; the index says what it says itself."""
        data = file.read_bytes()
        with zipfile.ZipFile(file) as archive:
            info = next(name for name in archive.namelist() if name.startswith("info-"))
            with tarfile.open(fileobj=io.BytesIO(_unzst(archive.read(info)))) as tar:
                index = json.load(tar.extractfile("info/index.json") or io.BytesIO())
        self._file(subdir, file.name).write_bytes(data)
        sums = {"md5": hashlib.md5(data).hexdigest(), "sha256": _sha256(data), "size": len(data)}
        self.records.setdefault(subdir, {})[file.name] = index | sums

    def _file(self, subdir: str, filename: str) -> Path:
        folder = self.root / subdir
        folder.mkdir(parents=True, exist_ok=True)
        return folder / filename

    def publish(self) -> None:
        """Write all forms of the index anew."""
        for subdir, records in self.records.items():
            folder = self.root / subdir
            folder.mkdir(parents=True, exist_ok=True)
            plain = json.dumps(self.repodata(subdir)).encode()
            exports = json.dumps(self._run_exports(subdir)).encode()
            files = {"repodata.json": plain, "run_exports.json": exports}
            files = {name: data for name, data in files.items() if "plain" in self.forms}
            if "zst" in self.forms:
                files |= {"repodata.json.zst": _zst(plain), "run_exports.json.zst": _zst(exports)}
            if subdir in self.current:
                files["current_repodata.json"] = json.dumps(self._current(subdir)).encode()
            if "shards" in self.forms:
                files |= self._shards(subdir, records)
            for name in ("repodata.json", "repodata.json.zst", "run_exports.json", "run_exports.json.zst",
                         "repodata_shards.msgpack.zst"):  # fmt: skip
                (folder / name).unlink(missing_ok=True)
            for name, data in files.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                os.utime(path, (_EPOCH + 60 * self.day,) * 2)
        self.day += 1

    def repodata(self, subdir: str) -> Record:
        """Return what repodata.json says."""
        records = self.records[subdir]
        return {
            "info": self._info(subdir),
            "packages": {name: one for name, one in records.items() if name.endswith(".tar.bz2")},
            "packages.conda": {name: one for name, one in records.items() if name.endswith(".conda")},
            "removed": self.removed.get(subdir, []),
            "repodata_version": 2 if self.base_url else 1,
            **({"v3": self.v3[subdir]} if subdir in self.v3 else {}),
        }

    def _current(self, subdir: str) -> Record:
        whole = self.repodata(subdir)
        for form in ("packages", "packages.conda"):
            whole[form] = {name: one for name, one in whole[form].items() if name in self.current[subdir]}
        return whole

    def _info(self, subdir: str) -> Record:
        base = {"base_url": self.base_url} if self.base_url else {}
        newer = [one for there in self.v3.get(subdir, {}).values() for one in there.values()]
        base |= {"repodata_revisions": {"v3": {"n_packages": len(newer), "message": "x"}}} if newer else {}
        return {"subdir": subdir, **base, **({"channel_relations": self.relations} if self.relations else {})}

    def _run_exports(self, subdir: str) -> Record:
        told = {name: {"run_exports": one} for name, one in self.exports.get(subdir, {}).items()}
        return {
            "info": {"subdir": subdir, "version": 1},
            "packages": {name: one for name, one in told.items() if name.endswith(".tar.bz2")},
            "packages.conda": {name: one for name, one in told.items() if name.endswith(".conda")},
        }

    def _shards(self, subdir: str, records: Mapping[str, Record]) -> dict[str, bytes]:
        files, hashes = {}, {}
        every = {one["name"] for one in records.values()}
        every |= {one["name"] for form in self.v3.get(subdir, {}).values() for one in form.values()}
        every |= {one.rsplit("-", 2)[0] for one in self.removed.get(subdir, [])}
        for name in sorted(every):
            shard = _zst(msgpack.packb(self._shard(subdir, name)))
            hashes[name] = hashlib.sha256(shard).digest()
            files[f"shards/{hashes[name].hex()}.msgpack.zst"] = shard
        info = {"base_url": self.base_url or "", **self._info(subdir), "shards_base_url": "./shards/"}
        index = {"version": 1, "info": info, "shards": hashes}
        files["repodata_shards.msgpack.zst"] = _zst(msgpack.packb(index))
        return files

    def _shard(self, subdir: str, name: str) -> Record:
        shard: Record = {"packages": {}, "packages.conda": {}, "removed": []}
        for filename, record in self.records[subdir].items():
            if record["name"] == name:
                form = "packages.conda" if filename.endswith(".conda") else "packages"
                shard[form][filename] = _packed(record) | self._told(subdir, filename)
        for form, there in self.v3.get(subdir, {}).items():
            every = {stem: one for stem, one in there.items() if one["name"] == name}
            mine = {stem: _packed(one) | self._told(subdir, f"{stem}.{form}") for stem, one in every.items()}
            shard.setdefault("v3", {})[form] = mine
        shard["removed"] = [one for one in self.removed.get(subdir, []) if one.rsplit("-", 2)[0] == name]
        return shard

    def _told(self, subdir: str, filename: str) -> Record:
        exports = self.exports.get(subdir, {}).get(filename)
        return {} if exports is None else {"run_exports": exports}

    def revise(self, subdir: str, filename: str, **changed: object) -> None:
        """Move a record to the newer revision, which only newer clients see (CEP 48)."""
        stem = filename.removesuffix(".tar.bz2").removesuffix(".conda")
        form = filename[len(stem) + 1 :]
        record = self.records[subdir].pop(filename) | changed
        self.v3.setdefault(subdir, {}).setdefault(form, {})[stem] = record

    # what goes wrong with channels

    def attest(self, subdir: str, filename: str, body: bytes = b"[]") -> None:
        """Let the channel have attestations of a package (CEP 50), by which the index then knows it."""
        name = f"{filename}.sigs"
        for path in (name, f"{name}.{_sha256(body)}"):
            (self.root / subdir / path).write_bytes(body)
        self.records[subdir][filename]["attestations_sha256"] = _sha256(body)

    def lose(self, subdir: str, filename: str) -> None:
        """Let the index name a file that is not there (yet)."""
        (self.root / subdir / filename).unlink()

    def rebuild(self, subdir: str, filename: str) -> None:
        """Let a file have other bytes of the same length than the index says."""
        path = self.root / subdir / filename
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    def patch(self, subdir: str, filename: str, **changed: object) -> None:
        """Let the index say something else of a package, as channels do after the fact."""
        self.records[subdir][filename] |= changed

    def withdraw(self, subdir: str, filename: str) -> None:
        """Take a package out of the index and note that; the file stays."""
        del self.records[subdir][filename]
        self.removed.setdefault(subdir, []).append(filename)

    def forge_shard(self, subdir: str, name: str, **changed: object) -> None:
        """Put another shard under the name of one, as a mirror or cache in between could; the index stays."""
        index = msgpack.unpackb(_unzst((self.root / subdir / "repodata_shards.msgpack.zst").read_bytes()))
        other = copy.deepcopy(self)
        for record in other.records[subdir].values():
            if record["name"] == name:
                record.update(changed)
        path = self.root / subdir / "shards" / f"{index['shards'][name].hex()}.msgpack.zst"
        path.write_bytes(_zst(msgpack.packb(other._shard(subdir, name))))


def _packed(record: Mapping[str, Any]) -> Record:
    """Return a record as shards have it: hashes as bytes."""
    hashes = ("md5", "sha256")
    return {key: bytes.fromhex(value) if key in hashes and value else value for key, value in record.items()}


def _tar(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mtime = len(data), _EPOCH
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(data)


def _unzst(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data)

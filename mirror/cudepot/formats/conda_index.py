"""The index of a conda channel, written from what packages say of themselves; no package is read whole.

Sources: CEP 34 and 35 (package and ``.conda`` layout), CEP 36 (repodata.json), CEP 16 (shards), CEP 12 and 21
(run_exports), CEP 38 (channeldata.json), conda's channel notices.
"""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import msgpack
import zstandard

from cudepot.digest import Digest, hexdigest
from cudepot.errors import FormatError
from cudepot.formats.conda_record import name_of, without_suffix

INFO_LIMIT = 64 << 20
"""Bytes of metadata a package may have, unpacked."""
_WANTED = ("info/index.json", "info/run_exports.json", "info/about.json")
_ABOUT = ("home", "dev_url", "doc_url", "license", "license_family", "summary", "description")
_LEVEL = 19


@dataclass(frozen=True, slots=True)
class IndexedPackage:
    """One package of a channel.

    Attributes:
        subdir, filename, digest: where it is and what it is.
        index: its index.json.
        run_exports: its run_exports.json; empty when it has none.
        about: its about.json.
        md5: in lower-case hex; conda-lock and conda before 24.9 know packages by it. Empty where it is not known.
        revision: of its record: empty, or ``v3`` (CEP 48).
    """

    subdir: str
    filename: str
    digest: Digest
    index: Mapping[str, Any]
    run_exports: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    md5: str = ""
    revision: str = ""

    @property
    def name(self) -> str:
        """Conda name."""
        return str(self.index["name"])

    @property
    def record(self) -> dict[str, Any]:
        """The package's entry in repodata.json."""
        sums = {"md5": self.md5} if self.md5 else {}
        return {**self.index, **sums, "sha256": self.digest.sha256, "size": self.digest.size}


def read_package(stream: BinaryIO, subdir: str, filename: str, digest: Digest, md5: str = "") -> IndexedPackage:
    """Read the metadata out of a ``.conda`` file; the payload's bytes are not touched.

    Raises:
        FormatError: it is no conda package, or another one than its name says.
    """
    try:
        found = _documents(stream, filename)
        index = found["info/index.json"]
        stem = f"{index['name']}-{index['version']}-{index['build']}"
    except (zipfile.BadZipFile, zstandard.ZstdError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{filename}: not a conda package ({type(error).__name__}: {error})") from error
    if (f"{stem}.conda", subdir) != (filename, index.get("subdir")):
        raise FormatError(f"{subdir}/{filename}: describes itself as {index.get('subdir')}/{stem}")
    run_exports, about = found.get("info/run_exports.json", {}), found.get("info/about.json", {})
    return IndexedPackage(subdir, filename, digest, index, run_exports, about, md5)


def _documents(stream: BinaryIO, filename: str) -> dict[str, Any]:
    member = f"info-{filename.removesuffix('.conda')}.tar.zst"
    with zipfile.ZipFile(stream) as archive, archive.open(member) as packed:
        plain = zstandard.ZstdDecompressor().stream_reader(packed).read(INFO_LIMIT + 1)
    if len(plain) > INFO_LIMIT:
        raise ValueError("metadata too long")
    found: dict[str, Any] = {}
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        for one in tar:
            if one.name in _WANTED and (handle := tar.extractfile(one)):
                found[one.name] = json.loads(handle.read())
    return found


def described(
    subdir: str,
    filename: str,
    digest: Digest,
    record: Mapping[str, Any],
    run_exports: Mapping[str, Any],
    revision: str = "",
) -> IndexedPackage:
    """Return a package of another channel by what that says of it; the package itself is not looked into."""
    about = {key: record[key] for key in ("license", "license_family") if key in record}
    return IndexedPackage(subdir, filename, digest, record, run_exports, about, str(record.get("md5") or ""), revision)


def channel_files(packages: Sequence[IndexedPackage], removed: Sequence[str] = ()) -> dict[str, bytes]:
    """Return path → bytes of the whole index of a channel, which has its files; equal packages give equal bytes.

    Args:
        packages: all of it.
        removed: ``SUBDIR/FILE`` of what was taken out of it.
    """
    subdirs = sorted({"noarch", *(one.subdir for one in packages)})
    files = {"channeldata.json": _channeldata(packages, subdirs), "notices.json": _json({"notices": []})}
    for subdir in subdirs:
        gone = sorted(one.partition("/")[2] for one in removed if one.startswith(f"{subdir}/"))
        inside = sorted((one for one in packages if one.subdir == subdir), key=lambda one: one.filename)
        files |= {f"{subdir}/{path}": data for path, data in _subdir_files(subdir, inside, gone).items()}
    return files


def _subdir_files(subdir: str, packages: Sequence[IndexedPackage], removed: Sequence[str]) -> dict[str, bytes]:
    repodata = _json(
        {
            "info": {"subdir": subdir, **_revisions(packages)},
            **_records(packages, lambda one: one.record),
            "removed": removed,
            "repodata_version": 1,
        }
    )
    exports = {one.filename: {"run_exports": dict(one.run_exports)} for one in packages}
    run_exports = _json({"info": {"subdir": subdir, "version": 1}, **_by_form(exports)})
    # current_repodata.json may leave out what is old. These channels are small, so it leaves out nothing.
    plain = {"repodata.json": repodata, "current_repodata.json": repodata, "run_exports.json": run_exports}
    return {
        **plain,
        **{f"{path}.zst": _zstd(data) for path, data in plain.items()},
        **_shards(subdir, packages, removed),
    }


def _records(packages: Sequence[IndexedPackage], record: Callable[[IndexedPackage], Any]) -> dict[str, Any]:
    """Return the records of packages as an index has them: those of the newer revision apart, without suffixes."""
    found: dict[str, Any] = _by_form({one.filename: record(one) for one in packages if not one.revision})
    for one in (one for one in packages if one.revision):
        stem = without_suffix(one.filename)
        found.setdefault(one.revision, {}).setdefault(one.filename[len(stem) + 1 :], {})[stem] = record(one)
    return found


def _revisions(packages: Sequence[IndexedPackage]) -> dict[str, Any]:
    """Return what the head of an index says of its newer records: of those it has now, not those upstream has."""
    newer = [one for one in packages if one.revision]
    times = [time for one in newer if type(time := one.index.get("indexed_timestamp")) is int and time]
    span = {"oldest": min(times), "newest": max(times)} if times else {}
    return {"repodata_revisions": {newer[0].revision: {"n_packages": len(newer), **span}}} if newer else {}


def _by_form(entries: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return entries by file name under the keys of the two forms packages have."""
    return {
        "packages": {name: one for name, one in entries.items() if not name.endswith(".conda")},
        "packages.conda": {name: one for name, one in entries.items() if name.endswith(".conda")},
    }


def _shards(subdir: str, packages: Sequence[IndexedPackage], removed: Sequence[str]) -> dict[str, bytes]:
    names: dict[str, list[IndexedPackage]] = {}
    for one in packages:
        names.setdefault(one.name, []).append(one)
    files: dict[str, bytes] = {}
    hashes: dict[str, bytes] = {}
    for name, those in sorted(names.items()):
        gone = [one for one in removed if name_of(one) == name]
        shard = _zstd(_msgpack({**_records(those, _shard_record), "removed": gone}))
        files[f"shards/{hexdigest(shard)}.msgpack.zst"] = shard
        hashes[name] = bytes.fromhex(hexdigest(shard))
    info = {"subdir": subdir, "base_url": "", "shards_base_url": "./shards/", **_revisions(packages)}
    files["repodata_shards.msgpack.zst"] = _zstd(_msgpack({"info": info, "shards": hashes}))
    return files


def shards_named(data: bytes, what: str) -> list[str]:
    """Return the paths, below the subdir, of the shards an index names (one that :func:`channel_files` wrote)."""
    try:
        plain = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read(INFO_LIMIT)
        return [f"shards/{one.hex()}.msgpack.zst" for one in msgpack.unpackb(plain)["shards"].values()]
    except (zstandard.ZstdError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise FormatError(f"{what}: not an index of shards ({type(error).__name__})") from error


def _shard_record(one: IndexedPackage) -> dict[str, Any]:
    sums: dict[str, Any] = {key: bytes.fromhex(one.record[key]) for key in ("md5", "sha256") if key in one.record}
    return {**one.record, **sums, "run_exports": dict(one.run_exports)}


def _channeldata(packages: Iterable[IndexedPackage], subdirs: Sequence[str]) -> bytes:
    """Return channeldata.json; of several versions the one built last speaks for the name."""
    names: dict[str, list[IndexedPackage]] = {}
    for one in packages:
        names.setdefault(one.name, []).append(one)
    rows = {name: _row(found) for name, found in names.items()}
    return _json({"channeldata_version": 1, "packages": rows, "subdirs": list(subdirs)})


def _row(found: Sequence[IndexedPackage]) -> dict[str, Any]:
    newest = max(found, key=lambda one: (_built(one), _sortable(one.index["version"]), one.filename))
    return {
        **{key: newest.about.get(key) for key in _ABOUT},
        "reference_package": f"{newest.subdir}/{newest.filename}",
        "run_exports": {str(one.index["version"]): dict(one.run_exports) for one in found if one.run_exports},
        "subdirs": sorted({one.subdir for one in found}),
        "timestamp": _built(newest) // 1000,
        "version": newest.index["version"],
    }


def _built(one: IndexedPackage) -> int:
    """Return when a package was built, in milliseconds since 1970; 0 where it does not say."""
    found = one.index.get("timestamp", 0)
    return found if isinstance(found, int) else 0


def _sortable(version: str) -> list[tuple[int, str]]:
    return [(int(one), "") if one.isdecimal() else (-1, one) for one in version.replace("-", ".").split(".")]


def _json(data: Any) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _msgpack(data: Any) -> bytes:
    packed: bytes = msgpack.packb(_sorted(data), use_bin_type=True)
    return packed


def _sorted(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _sorted(data[key]) for key in sorted(data)}
    return [_sorted(one) for one in data] if isinstance(data, list) else data


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_LEVEL).compress(data)

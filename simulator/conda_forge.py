"""A channel of conda-forge's size, written in seconds: all forms of its index, and no package.

What the index says is made up from names and numbers alone, so that two of one size are the same byte for byte. A small
core hangs together as conda-forge's does, with builds for Pythons, for CUDAs and for machines without, and packages
that tie; behind it stand as many names as there have to be, which no environment of the core reaches.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgpack
import zstandard

Record = dict[str, Any]
PLATFORMS = ("linux-64", "linux-aarch64", "win-64")
NOARCH = "noarch"
ENVIRONMENTS = {
    "base": ("python=3.12", "numpy", "pandas"),
    "train": ("python=3.12", "pytorch", "cudnn", "pandas"),
    "serve": ("python=3.11", "pytorch", "service"),
}
"""Environments that the core has packages for."""
_EPOCH_MS = 1_790_000_000_000
_PYTHONS = {"3.11": "3.12", "3.12": "3.13", "3.13": "3.14"}
_CUDAS = {"12": "12.9", "13": "13.0"}
_SYLLABLES = (
    "an",
    "bor",
    "cel",
    "dra",
    "el",
    "fir",
    "gan",
    "hol",
    "in",
    "jar",
    "kel",
    "lum",
    "mor",
    "nex",
    "or",
    "pyl",
)


class Size(NamedTuple):
    """How large a channel is.

    Attributes:
        compiled, plain: names with packages for each platform, and with packages for all (``noarch``).
        compiled_records, plain_records: packages of such a name in a subdir.
        libraries: names of the core that others stand on; an environment reaches nearly all of them.
    """

    compiled: int
    plain: int
    compiled_records: int = 12
    plain_records: int = 16
    libraries: int = 80


LARGE = Size(10_000, 15_000)
"""600,000 packages of 25,000 names."""
SMALL = Size(60, 60, 6, 4, 12)


class _Build(NamedTuple):
    """A build of each version: what its string begins with (or is, with ``_cp``), and what it alone needs."""

    tag: str = "h"
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    number: int = 0


_NO_OTHER = _Build("")


class _Name(NamedTuple):
    """Packages of a name; ``{low}`` in what a version needs is the version of half its number."""

    name: str
    versions: tuple[str, ...]
    builds: tuple[_Build, ...] = (_Build(),)
    depends: tuple[str, ...] = ()
    run_exports: tuple[str, ...] = ()


def write_channel(root: Path, size: Size = LARGE) -> None:
    """Write all forms of the index of a channel into a folder."""
    for platform in PLATFORMS:
        _write(root, platform, _filled(list(_core(size)), "c", size.compiled, size.compiled_records))
    _write(root, NOARCH, _filled(list(_plain_core()), "p", size.plain, size.plain_records))


def some_packages(count: int) -> list[tuple[str, Record, Record]]:
    """Return file name, record and run_exports of packages for ``linux-64``, the core's first."""
    found = (one for name in _core(LARGE) for one in _packages(name, PLATFORMS[0]))
    return [(one.filename, _as_json(one.record), one.exports) for one in islice(found, count)]


# what there is


def _versions(count: int) -> tuple[str, ...]:
    return tuple(f"1.{one}.0" for one in range(count))


def _core(size: Size) -> Iterator[_Name]:
    """Give the names that environments are made of, as far as they are built for a platform."""
    libraries = [f"lib{_word(one)}" for one in range(size.libraries)]
    for number, name in enumerate(libraries):
        below = [f"{one} >={{low}},<2.0a0" for one in libraries[number + 1 :: 7][:4]]
        tie = (_Build(), _Build("ha")) if number % 3 == 0 else (_Build(), _Build("h", number=1))
        yield _Name(name, _versions(12), tie, (*below, "ca-certificates"), (f"{name} >={{low}},<2.0a0",))
    for minor in _PYTHONS:
        needs = ("tzdata", *(f"{one} >=1.0" for one in libraries[:10]))
        yield _Name("python", tuple(f"{minor}.{one}" for one in range(9)), (_Build("h", (), (_abi(minor),)),), needs)
    yield _Name("libcublas", _versions(8), _of_cuda(), run_exports=("libcublas >={low}",))
    yield _Name("cudnn", _versions(8), _of_cuda("libcublas"), (f"{libraries[0]} >=1.0",))
    yield _Name("numpy", _versions(12), _of_python(), tuple(f"{one} >=1.0" for one in libraries[:8:2]))
    yield _Name("pandas", _versions(12), _of_python(), ("numpy >={low}", "dateutil", "pytz"))
    yield _Name("service", _versions(12), _of_python(), (*libraries[::9], "dateutil"))
    torch = [
        *_of_python(_Build("cpu_")),
        *(one for cuda in _of_cuda("__cuda", "cudnn", "libcublas") for one in _of_python(cuda)),
    ]
    yield _Name("pytorch", _versions(8), tuple(torch), ("numpy", "filelock", *libraries[1::5]))


def _abi(minor: str) -> str:
    return f"python_abi {minor}.* *_cp{minor.replace('.', '')}"


def _of_python(beside: _Build = _NO_OTHER) -> tuple[_Build, ...]:
    """Return a build for each Python, beside what else it is for."""
    return tuple(
        beside._replace(
            tag=f"{beside.tag}py{minor.replace('.', '')}h",
            depends=(f"python >={minor},<{after}.0a0", _abi(minor), *beside.depends),
        )
        for minor, after in _PYTHONS.items()
    )


def _of_cuda(*needed: str) -> tuple[_Build, ...]:
    """Return a build for each CUDA; they come before those without where there is a driver."""
    return tuple(
        _Build(f"cuda{major}_", (f"cuda-version >={version},<{int(major) + 1}", *needed), number=2)
        for major, version in _CUDAS.items()
    )


def _plain_core() -> Iterator[_Name]:
    """Give the names of the core that are the same on all platforms."""
    for name in ("ca-certificates", "tzdata"):
        yield _Name(name, tuple(f"2026.{one}" for one in range(1, 10)))
    yield _Name("pip", _versions(12), (_Build("pyh"),), ("python >=3.9", "setuptools", "wheel"))
    for name in ("setuptools", "wheel", "filelock", "pytz"):
        yield _Name(name, _versions(12), (_Build("pyh"), _Build("pyha")), ("python >=3.9",))
    yield _Name("dateutil", _versions(12), (_Build("pyh"),), ("python >=3.9", "pytz >={low}"))
    for minor in _PYTHONS:
        yield _Name("python_abi", (minor,), (_Build(f"8_cp{minor.replace('.', '')}", number=8),))
    for major, version in _CUDAS.items():
        yield _Name("cuda-version", (version,), (_Build("h", (), (f"__cuda >={major}",)),))


def _filled(core: list[_Name], mark: str, names: int, records: int) -> list[_Name]:
    """Return the core with as many names as are wanted, sorted."""
    return sorted([*core, *_tail(mark, names - len({one.name for one in core}), records)], key=attrgetter("name"))


def _tail(mark: str, names: int, records: int) -> Iterator[_Name]:
    """Give names that the core does not need; they need it, and each other."""
    for number in range(names):
        drawn = {zlib.crc32(f"{number} {one}".encode()) % number for one in range(3)} if number else set()
        needs = ("python >=3.11", *(f"{_word(one)}-{mark} >={{low}}" for one in sorted(drawn)))
        yield _Name(f"{_word(number)}-{mark}", _versions(records // 2), (_Build(), _Build("h", number=1)), needs)


def _word(number: int) -> str:
    """Return a word that is of no other number: no syllable begins another."""
    return "".join(_SYLLABLES[int(one, 16)] for one in f"{number:x}")


class _Packed(NamedTuple):
    """A package: its file name, the record, run_exports."""

    filename: str
    record: Record
    exports: Record

    @property
    def form(self) -> str:
        """Under which key it lies."""
        return "packages" if self.filename.endswith(".tar.bz2") else "packages.conda"


def _packages(name: _Name, subdir: str) -> Iterator[_Packed]:
    """Give the packages of a name; the oldest versions are in the older form."""
    for number, version in enumerate(name.versions):
        low = {"low": name.versions[number // 2]}
        needs = [one.format_map(low) for one in name.depends]
        exports = {"weak": [one.format_map(low) for one in name.run_exports]} if name.run_exports else {}
        suffix = ".tar.bz2" if number * 4 < len(name.versions) - 4 else ".conda"
        for build in name.builds:
            record = _record(name.name, version, build, subdir, needs)
            yield _Packed(f"{name.name}-{version}-{record['build']}{suffix}", record, exports)


def _record(name: str, version: str, build: _Build, subdir: str, needs: list[str]) -> Record:
    seed = hashlib.sha256(f"{subdir}/{name}-{version}-{build.tag}-{build.number}".encode()).digest()
    number = int.from_bytes(seed[:4])
    text = build.tag if "_cp" in build.tag else f"{build.tag}{number:07x}_{build.number}"
    noarch = {"noarch": "python" if build.tag.startswith("py") else "generic"} if subdir == NOARCH else {}
    return {
        "build": text, "build_number": build.number, "constrains": list(build.constrains),
        "depends": [*build.depends, *needs], "license": "BSD-3-Clause", "license_family": "BSD",
        "md5": seed[:16], "name": name, **noarch, "sha256": seed, "size": number % 50_000_000, "subdir": subdir,
        "timestamp": _EPOCH_MS, "version": version,
    }  # fmt: skip


# how it is written


class _Document:
    """A JSON document of a subdir that is written bit by bit, as it is and compressed."""

    def __init__(self, path: Path, head: Record) -> None:
        self._plain = path.open("wb")
        self._file = path.with_name(f"{path.name}.zst").open("wb")
        self._zst = zstandard.ZstdCompressor(level=1).stream_writer(self._file)
        self._older: list[bytes] = []
        self._comma = b""
        self._write(json.dumps(head).encode()[:-1] + b', "packages.conda": {')

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._write(b'}, "packages": {' + b", ".join(self._older) + b"}}")
        self._zst.close()
        self._plain.close()

    def _write(self, data: bytes) -> None:
        self._plain.write(data)
        self._zst.write(data)

    def add(self, entries: Iterable[tuple[_Packed, Record]]) -> None:
        """Write what it says of packages."""
        texts: dict[str, list[bytes]] = {"packages": [], "packages.conda": []}
        for one, said in entries:
            texts[one.form].append(f'"{one.filename}": {json.dumps(said)}'.encode())
        self._older += texts["packages"]
        if texts["packages.conda"]:
            self._write(self._comma + b", ".join(texts["packages.conda"]))
            self._comma = b", "


def _write(root: Path, subdir: str, names: list[_Name]) -> None:
    """Write the index of a subdir in all forms."""
    folder = root / subdir
    (folder / "shards").mkdir(parents=True)
    info, hashes, packer = {"subdir": subdir}, {}, zstandard.ZstdCompressor(level=1)
    told = {"info": {**info, "version": 1}}
    index = {"info": info, "removed": [], "repodata_version": 1}
    with _Document(folder / "repodata.json", index) as plain, _Document(folder / "run_exports.json", told) as exports:
        for name, parts in groupby(names, attrgetter("name")):
            packages = [one for part in parts for one in _packages(part, subdir)]
            plain.add((one, _as_json(one.record)) for one in packages)
            exports.add((one, {"run_exports": one.exports}) for one in packages)
            shard = packer.compress(msgpack.packb(_shard(packages)))
            hashes[name] = hashlib.sha256(shard).digest()
            (folder / f"shards/{hashes[name].hex()}.msgpack.zst").write_bytes(shard)
    head = {"version": 1, "info": {**info, "base_url": "", "shards_base_url": "./shards/"}, "shards": hashes}
    (folder / "repodata_shards.msgpack.zst").write_bytes(packer.compress(msgpack.packb(head)))


def _as_json(record: Record) -> Record:
    return {**record, "md5": record["md5"].hex(), "sha256": record["sha256"].hex()}


def _shard(packages: list[_Packed]) -> Record:
    """Return the shard of a name."""
    shard: Record = {"packages": {}, "packages.conda": {}, "removed": []}
    for one in packages:
        shard[one.form][one.filename] = {**one.record, "run_exports": one.exports}
    return shard

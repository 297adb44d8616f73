"""Writes conda packages (``.conda``) byte for byte the same every time, streaming the payload from the store.

Format: CEP 35 (a zip of two zstd-compressed tar archives) around CEP 34 (what is in them). rattler-build's own
builds carry the time of the build; these carry the one they are given.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, BinaryIO
from urllib.parse import quote

import zstandard

from cudepot.digest import CHUNK, Digest
from cudepot.errors import FormatError
from cudepot.formats.conda_info import Output, index_json, info_files
from cudepot.formats.payload import Payload, PayloadFile, Role
from cudepot.formats.release import Release
from cudepot.formats.sbom import FILENAME as SBOM_FILENAME
from cudepot.formats.sbom import Origin, Shipped, sbom
from cudepot.formats.zip_write import ZipWriter
from cudepot.ports import OpenObject

# CUDA's names for what a cross compiler builds for
_TARGETS = {"aarch64": "aarch64-linux", "sbsa": "sbsa-linux", "qnx": "aarch64-qnx"}
_BLOCK = tarfile.BLOCKSIZE
# Bytes a zstd worker takes at a time. Smaller than zstd's own choice: 100 MB less memory for 0.03 % more size.
# Part of what makes packages reproducible: changing it changes every package.
_JOB = 8 << 20
PIECE = 1 << 17  # bytes read at once: they are still in the processor's cache when zstd copies them
_SMALL = 16 << 20  # bytes below which a large window finds nothing more


@dataclass(frozen=True, slots=True)
class Zstd:
    """How hard to compress.

    Attributes:
        level: zstd level, 1 to 22.
        window: log2 of the bytes in which repetitions are looked for, at most 27 (128 MB: what every reader takes
            unasked, and level 22 has always used); 0 for the level's own, without long-distance matching.
    """

    level: int = 7
    window: int = 27


@dataclass(frozen=True, slots=True)
class CondaFile:
    """One file of a package's prefix or of ``info/``: content by digest, by value, or a link."""

    path: str
    mode: int
    digest: Digest | None = None
    data: bytes = b""
    link: str = ""

    @property
    def size(self) -> int:
        """Bytes of content; 0 for a link."""
        return self.digest.size if self.digest else len(self.data)


@dataclass(frozen=True, slots=True)
class CondaPackage:
    """Everything that goes into one conda package.

    Attributes:
        output: the rendered recipe output.
        files: the payload files it ships, sorted by path.
        licence: the licence text for ``info/licenses/LICENSE``.
        extra: release-level facts for about.json's ``extra``: never which form of artifact they came from.
        sbom: CycloneDX document for ``info/sboms/``; empty for a package without payload.
    """

    output: Output
    files: tuple[PayloadFile, ...] = ()
    licence: Digest | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    sbom: bytes = b""

    @property
    def stem(self) -> str:
        """File name without ``.conda``."""
        return f"{self.output.name}-{self.output.version}-{self.output.build_string}"

    @property
    def filename(self) -> str:
        """File name, e.g. ``cudnn-8.0.5.39-cuda11.1_h87ed9ff_0.conda``."""
        return f"{self.stem}.conda"


@dataclass(frozen=True, slots=True)
class Home:
    """Where a package belongs, for its PURL (CEP 49): the repository's URL, and the channel's path below it.

    The defaults are those of a package that is in no channel yet.
    """

    repository_url: str = "https://cudepot.invalid"
    namespace: str = "conda/main"


def conda_package(
    output: Output,
    payload: Payload | None,
    extra: Mapping[str, Any] | None = None,
    origins: Sequence[Origin] = (),
    home: Home = Home(),
) -> CondaPackage:
    """Return the package of a rendered output: the payload files its globs name, and the licence.

    Args:
        payload: None for an output without files, e.g. cuda-version.
        origins: what the package is made of, where the package itself is to say so.
        home: the channel it is made for.

    Raises:
        FormatError: some of the output's globs name files and others none; an output all of whose globs name
            nothing is a meta package.
    """
    everything = payload.files if payload else ()
    content = [one for one in everything if one.role is not Role.LICENCE]
    shipped = [_placed(payload.release, one) for one in content] if payload else []
    files = tuple(
        one
        for one in shipped
        if any(glob_matches(one.path, glob) for glob in output.files)
        and not any(glob_matches(one.path, glob) for glob in output.excluded)
    )
    idle = [g for g in output.files if files and not any(glob_matches(one.path, g) for one in files)]
    if idle:
        raise FormatError(
            f"{output.name}: no file of the payload matches {idle[0]!r}",
            hint="the artifacts contain less than the recipe packs: NVIDIA's wheels for Windows have no import "
            "libraries, "
            'so take the zip, or `outputs = ["wheel"]`',
        )
    licences = [one.digest for one in everything if one.role is Role.LICENCE]
    document = sbom(_shipped(output, payload, files, home), origins) if payload else b""
    return CondaPackage(output, files, licences[0] if licences else None, extra or {}, document)


def _shipped(output: Output, payload: Payload, files: Iterable[PayloadFile], home: Home) -> Shipped:
    qualifiers = {"build": output.build_string, "repository_url": home.repository_url, "subdir": output.subdir}
    asked = "&".join(f"{key}={quote(value, safe='')}" for key, value in {**qualifiers, "type": "conda"}.items())
    purl = f"pkg:conda/{quote(home.namespace)}/{output.name}@{quote(output.version, safe='')}?{asked}"
    licensed = [*files, *(one for one in payload.files if one.role is Role.LICENCE)]
    return Shipped.of(output.name, output.version, purl, payload, licensed, output.about.get("license", ""))


def _placed(release: Release, file: PayloadFile) -> PayloadFile:
    """Return a payload file at its place in a conda prefix; links stay beside what they lead to."""
    if file.role is Role.SAMPLE:
        return replace(file, path=f"share/cudnn/{file.path}")
    if release.windows:
        return replace(file, path=f"Library/{file.path}")
    if release.part.startswith("cross-"):
        return replace(file, path=f"targets/{_TARGETS[release.part.removeprefix('cross-')]}/{file.path}")
    return file


def glob_matches(path: str, glob: str) -> bool:
    """Return whether a prefix path matches a recipe's glob; ``*`` stays within one segment, a last ``**`` does not."""
    parts, wanted = path.split("/"), glob.split("/")
    if len(wanted) > 1 and wanted[-1] == "**":
        wanted = wanted[:-1]
        parts = parts[: len(wanted)]
    return len(parts) == len(wanted) and all(fnmatchcase(a, b) for a, b in zip(parts, wanted, strict=True))


def write_conda(
    out: BinaryIO,
    package: CondaPackage,
    open_object: OpenObject,
    *,
    zstd: Zstd,
    timestamp_ms: int,
    threads: int = 2,
) -> dict[str, Any]:
    """Write a package to the seekable stream ``out``; return its index record (index.json as a dict).

    Args:
        zstd: level and window.
        timestamp_ms: milliseconds since 1970, for index.json and the files' times: from the release, not the clock.
        threads: zstd workers, at least 1. The result is the same for any number of them.

    Raises:
        FormatError: an object of the store is not as long as its digest says.
    """
    if threads < 1:
        raise ValueError("threads must be at least 1: zstd's output differs without workers")
    content = sorted((_prefix_file(one) for one in package.files), key=lambda one: one.path)
    info = sorted(_info(package, timestamp_ms), key=lambda one: one.path)
    archive = ZipWriter(out)
    archive.store("metadata.json", [b'{"conda_pkg_format_version":2}'], most=CHUNK)
    for kind, files in (("pkg", content), ("info", info)):
        size = tar_size(files)
        chunks = compressed(_tar(files, open_object, timestamp_ms // 1000), size, zstd, threads)
        archive.store(f"{kind}-{package.stem}.tar.zst", chunks, most=size + (size >> 7) + CHUNK)
    archive.close()
    return index_json(package.output, timestamp_ms)


def _prefix_file(file: PayloadFile) -> CondaFile:
    mode = 0o755 if file.role is Role.RUNTIME or file.link else 0o644
    return CondaFile(file.path, mode, file.digest, link=file.link)


def _info(package: CondaPackage, timestamp_ms: int) -> Iterator[CondaFile]:
    for path, data in info_files(package.output, package.files, package.extra, timestamp_ms):
        yield CondaFile(f"info/{path}", 0o644, data=data)
    if package.sbom:
        yield CondaFile(f"info/sboms/{SBOM_FILENAME}", 0o644, data=package.sbom)
    if package.licence:
        yield CondaFile("info/licenses/LICENSE", 0o644, package.licence)


def tar_size(files: Iterable[CondaFile]) -> int:
    """Return the exact size in bytes of the tar archive :func:`_tar` makes of files."""
    return 2 * _BLOCK + sum(len(_tar_header(one, 0)) + -(-one.size // _BLOCK) * _BLOCK for one in files)


def _tar(files: Iterable[CondaFile], open_object: OpenObject, mtime: int) -> Iterator[bytes]:
    """Give a GNU tar archive, header by header and chunk by chunk; owner root, one time for all."""
    for file in files:
        yield _tar_header(file, mtime)
        yield from _content(file, open_object)
        yield bytes(-file.size % _BLOCK)
    yield bytes(2 * _BLOCK)


def _tar_header(file: CondaFile, mtime: int) -> bytes:
    """Return the header of a file: one block, and as many before it as a name of more than 100 bytes takes."""
    info = tarfile.TarInfo(file.path)
    info.mode, info.mtime, info.size = file.mode, mtime, file.size
    if file.link:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, file.link, 0o777
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def _content(file: CondaFile, open_object: OpenObject) -> Iterator[bytes]:
    if not file.digest:
        yield file.data
        return
    seen = 0
    with open_object(file.digest) as stream:
        while chunk := stream.read(PIECE):
            seen += len(chunk)
            yield chunk
    if seen != file.size:
        raise FormatError(f"{file.path}: {seen} bytes in the store, but {file.size} were expected")


def compressed(chunks: Iterable[bytes], size: int, zstd: Zstd, threads: int) -> Iterator[bytes]:
    """Compress as one frame that declares its size and carries a checksum."""
    far: dict[str, Any] = {"window_log": zstd.window, "enable_ldm": True} if zstd.window and size > _SMALL else {}
    settings = zstandard.ZstdCompressionParameters.from_level(
        zstd.level,
        source_size=size,
        threads=threads,
        job_size=_JOB,
        write_content_size=True,
        write_checksum=True,
        **far,
    )
    engine = zstandard.ZstdCompressor(compression_params=settings).compressobj(size=size)
    for chunk in chunks:
        if packed := engine.compress(chunk):
            yield packed
    yield engine.flush()

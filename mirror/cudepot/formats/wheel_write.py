"""Writes wheels byte for byte the same every time, in NVIDIA's own layout, streaming the payload from the store.

Formats: PEP 427 (wheel), core metadata 2.4 with PEP 639 licence fields, PEP 600 platform tags beside the older ones of
PEP 513, 571 and 599, PEP 425 compressed tag sets, PEP 440 versions.
Libraries go in under their SONAME only, because wheels cannot hold symbolic links; headers twice, as NVIDIA does.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from cudepot.digest import CHUNK, Digest
from cudepot.errors import ConfigError, FormatError
from cudepot.formats.payload import Payload, PayloadFile, Role
from cudepot.formats.release import Release
from cudepot.formats.sbom import FILENAME as SBOM_FILENAME
from cudepot.formats.sbom import Origin, Shipped, sbom
from cudepot.formats.zip_write import ZipWriter
from cudepot.ports import OpenObject

_ARCH = {"linux-64": "x86_64", "linux-aarch64": "aarch64", "linux-ppc64le": "ppc64le"}
_WINDOWS = {"win-64": "win_amd64", "win-arm64": "win_arm64"}
# the oldest glibc installers know a tag for (PEP 600)
_OLDEST = {"x86_64": (2, 5)}
# what pip before 20.3 knows instead: names for three glibc versions, the first two for x86 alone
_LEGACY = (((2, 5), "manylinux1", ("x86_64",)), ((2, 12), "manylinux2010", ("x86_64",)), ((2, 17), "manylinux2014", ()))
_LABEL = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class WheelEntry:
    """What wheel.toml says about releases for one CUDA major since one version.

    Attributes:
        platform: ``win`` or ``linux`` where it says so for one of them only, else empty.
    """

    cuda: int
    since: Version
    name: str
    requires: tuple[str, ...]
    platform: str = ""

    def fits(self, release: Release) -> bool:
        """Return whether the entry speaks of a release."""
        cuda, subdir = release.cuda.partition(".")[0], release.subdir
        return self.cuda == int(cuda) and self.since <= Version(release.version) and subdir.startswith(self.platform)


@dataclass(frozen=True, slots=True)
class WheelRules:
    """The content of wheel.toml.

    Attributes:
        import_path: folder of the payload inside the wheel.
        entries: in order; the first that fits a release decides.
    """

    import_path: str
    summary: str
    homepage: str
    licence: str
    entries: tuple[WheelEntry, ...]

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> WheelRules:
        """Build rules from the parsed wheel.toml; raise ConfigError saying which entry is wrong."""
        wheels = data.get("wheel")
        texts = {key: data.get(key) for key in ("import_path", "summary", "homepage", "licence")}
        if (
            data.get("schema") != 1
            or not isinstance(wheels, list)
            or not all(isinstance(one, str) for one in texts.values())
        ):
            raise ConfigError("wheel.toml: expected schema = 1, import_path, summary, homepage, licence and [[wheel]]")
        entries = tuple(_entry(one, f"wheel[{number}]") for number, one in enumerate(wheels))
        return cls(**{key: str(text) for key, text in texts.items()}, entries=entries)

    def entry(self, release: Release) -> WheelEntry:
        """Return the entry for a release; raise ConfigError when there is none."""
        for one in self.entries:
            if one.fits(release):
                return one
        raise ConfigError(
            f"wheel.toml: no entry for {release.product} {release.version} with CUDA {release.cuda}",
            hint="add a [[wheel]] entry",
        )


def _entry(data: object, where: str) -> WheelEntry:
    if not isinstance(data, dict) or set(data) - {"platform"} != {"cuda", "since", "name", "requires"}:
        raise ConfigError(f"wheel.toml: {where} needs exactly cuda, since, name and requires, and may have platform")
    requires, platform = data["requires"], data.get("platform", "")
    if platform not in ("", "linux", "win"):
        raise ConfigError(f"wheel.toml: {where}.platform is {platform!r}", hint="linux, win")
    if not isinstance(requires, list) or not all(isinstance(one, str) for one in requires):
        raise ConfigError(f"wheel.toml: {where}.requires must be a list of requirements")
    try:
        since, name = Version(str(data["since"])), str(data["name"])
        return WheelEntry(int(data["cuda"]), since, name, tuple(requires), platform)
    except (ValueError, InvalidVersion) as error:
        raise ConfigError(f"wheel.toml: {where}: {error}") from error


@dataclass(frozen=True, slots=True)
class Wheel:
    """Everything that goes into one wheel.

    Attributes:
        version: with the site's local label, e.g. ``8.0.5.39+acme.1``.
        glibc: oldest glibc the libraries run on, for the platform tag.
        origins: what it is made of, where the wheel itself is to say so.
    """

    payload: Payload
    rules: WheelRules
    version: str
    glibc: tuple[int, int]
    origins: tuple[Origin, ...] = ()

    @property
    def name(self) -> str:
        """Project name, e.g. ``nvidia-cudnn-cu11``."""
        return self.rules.entry(self.payload.release).name

    @property
    def requires(self) -> tuple[str, ...]:
        """Requirements for Requires-Dist."""
        return self.rules.entry(self.payload.release).requires

    @property
    def platforms(self) -> tuple[str, ...]:
        """Platform tags in PEP 425's order, e.g. ``manylinux2014_x86_64`` and ``manylinux_2_14_x86_64``."""
        release = self.payload.release
        if release.windows:
            return (_WINDOWS[release.subdir],)
        arch = _ARCH[release.subdir]
        floor = max(self.glibc, _OLDEST.get(arch, (2, 17)))
        return tuple(sorted(f"{one}_{arch}" for one in _manylinux(floor, arch)))

    @property
    def tag(self) -> str:
        """Compressed tag set, e.g. ``py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64``."""
        return f"py3-none-{'.'.join(self.platforms)}"

    @property
    def stem(self) -> str:
        """Name and version as in the file name and the dist-info folder."""
        return f"{canonicalize_name(self.name).replace('-', '_')}-{self.version}"

    @property
    def filename(self) -> str:
        """File name, e.g. ``nvidia_cudnn_cu12-9.12.0.46+acme.1-py3-none-manylinux_2_27_x86_64.whl``."""
        return f"{self.stem}-{self.tag}.whl"


def _manylinux(floor: tuple[int, int], arch: str) -> Iterator[str]:
    """Give the PEP 600 tag of a glibc version, and the legacy tag of the oldest glibc that has all of it."""
    yield f"manylinux_{floor[0]}_{floor[1]}"
    yield from [name for glibc, name, only in _LEGACY if floor <= glibc and arch in (only or (arch,))][:1]


def wheel_of(
    payload: Payload, rules: WheelRules, *, label: str, glibc: tuple[int, int], origins: Sequence[Origin] = ()
) -> Wheel:
    """Return the wheel of a payload.

    Args:
        label: PEP 440 local label that marks the site's own build, e.g. ``acme.1``; empty for none.
        glibc: highest glibc the libraries need, from ``check_payload``.
        origins: what the wheel is made of, where it is to say so itself.

    Raises:
        ConfigError: the label is malformed, or wheel.toml has no entry for the release.
    """
    if label and not _LABEL.fullmatch(label):
        raise ConfigError(
            f"not a local version label: {label!r}", hint="lower-case letters, digits and dots, e.g. acme.1"
        )
    version = str(Version(payload.release.version + (f"+{label}" if label else "")))
    wheel = Wheel(payload, rules, version, glibc, tuple(origins))
    rules.entry(payload.release)
    return wheel


def write_wheel(out: BinaryIO, wheel: Wheel, open_object: OpenObject, *, level: int = 6, threads: int = 2) -> Digest:
    """Write a wheel to the seekable stream ``out``; return the digest of its METADATA, which an index announces.

    Args:
        level: zlib level, 0 to 9.
        threads: cores that compress; the result is the same for any number of them.

    Raises:
        FormatError: an object of the store is not as long as its digest says.
    """
    archive = ZipWriter(out, threads=threads)
    record: list[str] = []
    for path, mode, digest in _payload_members(wheel):
        archive.deflate(path, _content(path, digest, open_object), most=digest.size, mode=mode, level=level)
        record.append(_record_line(path, digest))
    for path, data in _own_members(wheel):
        archive.deflate(path, [data], most=len(data), level=level)
        record.append(_record_line(path, Digest.of(data)))
    last = f"{wheel.stem}.dist-info/RECORD"
    text = "\n".join([*sorted(record), f"{last},,", ""]).encode()
    archive.deflate(last, [text], most=len(text), level=level)
    archive.close()
    return Digest.of(metadata(wheel))


def _payload_members(wheel: Wheel) -> Iterator[tuple[str, int, Digest]]:
    """Give path in the wheel, mode and content: libraries as their SONAME, headers, the licence; by path."""
    root, digests = wheel.rules.import_path, {one.path: one.digest for one in wheel.payload.files}
    for file in wheel.payload.files:
        if wheel.payload.release.windows and file.digest and file.role is not Role.LICENCE:
            yield from _windows_member(root, file, file.digest, wheel.payload.release)
        elif file.role is Role.HEADER and file.digest:
            yield f"{root}/{file.path}", 0o644, file.digest
        elif file.role is Role.LINK and (content := digests.get(f"lib/{file.link}")):
            yield f"{root}/{file.path}", 0o755, content
        elif file.role is Role.LICENCE and file.digest:
            yield f"{wheel.stem}.dist-info/licenses/License.txt", 0o644, file.digest


def _windows_member(
    root: str, file: PayloadFile, digest: Digest, release: Release
) -> Iterator[tuple[str, int, Digest]]:
    """Give a file of a Windows release: DLLs, headers, and the import libraries that NVIDIA's wheels had up to 8.9."""
    if file.role in (Role.RUNTIME, Role.HEADER):
        yield f"{root}/{file.path}", 0o644, digest
    elif file.role is Role.IMPORT and int(release.version.partition(".")[0]) < 9:
        yield f"{root}/lib/x64/{file.path.rpartition('/')[2]}", 0o644, digest


def _own_members(wheel: Wheel) -> Iterator[tuple[str, bytes]]:
    folder = f"{wheel.stem}.dist-info"
    yield f"{folder}/METADATA", metadata(wheel)
    yield (
        f"{folder}/WHEEL",
        "\n".join(
            [
                "Wheel-Version: 1.0",
                "Generator: cudepot",
                "Root-Is-Purelib: true",
                *(f"Tag: py3-none-{one}" for one in wheel.platforms),
                "",
            ]
        ).encode(),
    )
    yield f"{folder}/sboms/{SBOM_FILENAME}", _sbom(wheel)
    yield f"{folder}/top_level.txt", (wheel.rules.import_path.partition("/")[0] + "\n").encode()


def _sbom(wheel: Wheel) -> bytes:
    purl = f"pkg:pypi/{canonicalize_name(wheel.name)}@{quote(wheel.version)}"
    files = tuple((path, digest) for path, _, digest in _payload_members(wheel))
    return sbom(
        Shipped(wheel.name, wheel.version, purl, wheel.payload.release, files, wheel.rules.licence), wheel.origins
    )


def metadata(wheel: Wheel) -> bytes:
    """Return METADATA, also what an index serves beside the wheel (PEP 658)."""
    rules = wheel.rules
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {wheel.name}",
        f"Version: {wheel.version}",
        f"Summary: {rules.summary}",
        f"Project-URL: Homepage, {rules.homepage}",
        f"License-Expression: {rules.licence}",
        "License-File: License.txt",
        "Requires-Python: >=3",
        *(f"Requires-Dist: {one}" for one in wheel.requires),
        "Description-Content-Type: text/markdown",
        "",
        f"# {wheel.name}",
        "",
        f"{rules.summary}.",
        "",
        "Using it means accepting NVIDIA's licence, whose text is in `licenses/License.txt` of its `.dist-info`;",
        "it does not allow passing the wheel on to the public. What the wheel holds, file by file, is in",
        f"`sboms/{SBOM_FILENAME}` there.",
    ]
    return ("\n".join(lines) + "\n").encode()


def _record_line(path: str, digest: Digest) -> str:
    value = base64.urlsafe_b64encode(bytes.fromhex(digest.sha256)).rstrip(b"=").decode()
    return f"{path},sha256={value},{digest.size}"


def _content(path: str, digest: Digest, open_object: OpenObject) -> Iterator[bytes]:
    seen = 0
    with open_object(digest) as stream:
        while chunk := stream.read(CHUNK):
            seen += len(chunk)
            yield chunk
    if seen != digest.size:
        raise FormatError(f"{path}: {seen} bytes in the store where {digest.size} were promised")

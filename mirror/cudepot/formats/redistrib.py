"""Reads NVIDIA's redistrib manifests: every archive of a release by hash, for each platform and CUDA variant.

Format: ``redistrib_X.Y.Z.json``, after redistrib-v2.schema.json and the manifests themselves: sizes are strings,
``cuda_variant`` stands before or after the platforms, samples of 9.x have no CUDA level. 9.27.0 has an entry with and
without that level at once; what is malformed is reported, and the rest is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cudepot.digest import Digest
from cudepot.errors import CudepotError, FormatError
from cudepot.paths import safe_name

_ABOUT = ("release_date", "release_label", "release_product")
_OF_COMPONENT = ("name", "license", "license_path", "version", "cuda_variant")
_OF_FILE = ("relative_path", "sha256", "size")


@dataclass(frozen=True, slots=True)
class Redistributed:
    """One archive of a manifest.

    Attributes:
        component: ``cudnn``, ``cudnn_jit`` or ``cudnn_samples``.
        version: four parts.
        platform: NVIDIA's name, ``linux-x86_64``; ``source`` for files of no platform.
        cuda: ``11``, ``12``; empty where there is no such level.
        path: below the manifest's folder.
    """

    component: str
    version: str
    platform: str
    cuda: str
    path: str
    digest: Digest

    @property
    def filename(self) -> str:
        """Name of the archive."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest lists.

    Attributes:
        label: three parts of the version, ``9.12.0``.
        date: ISO date of the release.
        files: all well-formed entries, in the order of the document.
        faults: what was left out, each with its place and why.
    """

    label: str
    date: str
    files: tuple[Redistributed, ...]
    faults: tuple[str, ...]


def parse_redistrib(data: bytes, *, what: str = "redistrib manifest") -> Manifest:
    """Return what a manifest lists.

    Raises:
        FormatError: no JSON object, or not a single usable entry in it.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{what}: not JSON: {str(error)[:120]}", hint="is this a redistrib_*.json?") from error
    if not isinstance(document, dict):
        raise FormatError(f"{what}: not a JSON object", hint="is this a redistrib_*.json?")
    found = [one for name, entry in document.items() if name not in _ABOUT for one in _component(name, entry)]
    files = [one for one in found if not isinstance(one, str)]
    faults = [one for one in found if isinstance(one, str)]
    if not files:
        raise FormatError(f"{what}: it lists no archive", hint="; ".join(faults[:3]) or "is this a redistrib_*.json?")
    return Manifest(_text(document, "release_label"), _text(document, "release_date"), tuple(files), tuple(faults))


def _component(name: str, entry: object) -> Iterator[Redistributed | str]:
    """Give the entries of a component, and in words what is wrong with others."""
    if not isinstance(entry, dict) or not isinstance(entry.get("version"), str):
        yield f"{name}: no version"
        return
    for platform, found in entry.items():
        if platform in _OF_COMPONENT:
            continue
        if not isinstance(found, dict):
            yield f"{name}.{platform}: not an object"
            continue
        yield from _platform(name, entry["version"], platform, found)


def _platform(name: str, version: str, platform: str, found: Mapping[str, object]) -> Iterator[Redistributed | str]:
    variants = {key.removeprefix("cuda"): one for key, one in found.items() if isinstance(one, dict)}
    flat = {key: one for key, one in found.items() if not isinstance(one, dict)}
    for cuda, one in variants.items():
        yield _file(name, version, platform, cuda, one)
    if flat and variants:
        yield f"{name}.{platform}: a file next to CUDA variants names none: {flat.get('relative_path')!r}"
    elif flat:
        yield _file(name, version, platform, "", flat)


def _file(name: str, version: str, platform: str, cuda: str, found: Mapping[str, object]) -> Redistributed | str:
    where = f"{name}.{platform}{f'.cuda{cuda}' if cuda else ''}"
    path, sha256, size = (_text(found, key) for key in _OF_FILE)
    if not size.isascii() or not size.isdigit():
        return f"{where}: size is {found.get('size')!r}"
    try:
        return Redistributed(name, version, platform, cuda, safe_name(path), Digest(sha256, int(size)))
    except (CudepotError, ValueError) as error:
        return f"{where}: {error}"


def _text(found: Mapping[str, object], key: str) -> str:
    """Return a string; a number is taken for one, because sizes may become numbers again."""
    value = found.get(key, "")
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""

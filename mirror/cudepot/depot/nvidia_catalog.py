"""NVIDIA's published files, from the tables that come with cudepot, and which of them a file is."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import tomli

from cudepot.catalog.lock import Artifact
from cudepot.catalog.nvidia.cuda_components import CudaComponents
from cudepot.catalog.nvidia.published import Catalog, Published, parse_catalog
from cudepot.data import data_folder
from cudepot.digest import Digest
from cudepot.errors import ConfigError


@functools.cache
def load_catalog() -> Catalog:
    """Return what ``channel-config/catalog/`` holds; raise ConfigError when it is missing or malformed."""
    folder = data_folder("channel-config") / "catalog"
    try:
        documents = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
        return parse_catalog(documents, tomli.loads((folder / "support.toml").read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder}: {error}", hint="install cudepot again") from error


@functools.cache
def load_components() -> CudaComponents:
    """Return which CUDA releases of cuBLAS and NVRTC belong to; raise ConfigError when the table is malformed."""
    path = data_folder("channel-config") / "catalog" / "cuda-components.toml"
    try:
        return CudaComponents.from_dict(tomli.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}", hint="install cudepot again") from error


@dataclass(frozen=True, slots=True)
class Identified:
    """What a file turned out to be.

    Attributes:
        path: the file.
        digest: what it is known by.
        known: the published file with these bytes, if any.
        namesakes: published files of the same name with other bytes.
    """

    path: Path
    digest: Digest
    known: Published | None
    namesakes: tuple[Published, ...]

    @property
    def verdict(self) -> str:
        """``known``, ``renamed``, ``other-bytes`` (a published name, but none of its bytes) or ``unknown``."""
        if self.known is not None:
            return "known" if self.known.file == self.path.name.replace("%2B", "+") else "renamed"
        return "other-bytes" if self.namesakes else "unknown"


def identify(paths: Iterable[Path]) -> list[Identified]:
    """Hash files and look them up; raise ConfigError when one cannot be read."""
    return [_identified(path) for path in paths]


def _identified(path: Path) -> Identified:
    try:
        with path.open("rb") as handle:
            digest = Digest.of_stream(handle)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint="name a file that can be read") from error
    catalog = load_catalog()
    known = catalog.identify(digest.sha256)
    return Identified(path, digest, known, tuple(one for one in catalog.called(path.name) if one != known))


def doubtful(artifacts: Iterable[Artifact]) -> list[str]:
    """Return what to tell about artifacts that have a published name, but none of its bytes."""
    catalog = load_catalog()
    return [
        f"{one.filename}: NVIDIA published this name with different content ({len(namesakes)} known)"
        for one in artifacts
        if (namesakes := catalog.called(one.filename))
        if not catalog.identify(one.digest.sha256)
    ]

"""The payload: an artifact's files in canonical roles and places, however they were shipped."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cudepot.digest import Digest


class Role(StrEnum):
    """What a payload file is for."""

    RUNTIME = "runtime"
    LINK = "link"
    DEVLINK = "devlink"
    HEADER = "header"
    STATIC = "static"
    LICENCE = "licence"


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """One file of a payload: ``digest`` for a regular file, ``link`` for a symbolic link.

    Attributes:
        path: canonical place, e.g. ``lib/libcudnn.so.8.0.5``, ``include/cudnn_v8.h``, ``LICENSE``.
    """

    path: str
    role: Role
    digest: Digest | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """A release as cudepot names it.

    Attributes:
        product: e.g. ``cudnn``.
        version: four parts as NVIDIA counts them, e.g. ``8.0.5.39``.
        cuda: CUDA variant, ``11.1`` or ``13`` as the artifact says it.
        subdir: conda platform, e.g. ``linux-64``.
    """

    product: str
    version: str
    cuda: str
    subdir: str


@dataclass(frozen=True, slots=True)
class Payload:
    """All files of one release, sorted by path."""

    release: Release
    files: tuple[PayloadFile, ...]

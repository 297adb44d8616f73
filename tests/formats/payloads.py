"""An object store in memory and the way from artifact files to a payload, for the tests of all pure formats."""

from __future__ import annotations

import io
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import BinaryIO

from cudepot.catalog.nvidia.release_names import parse_artifact_name
from cudepot.digest import Digest
from cudepot.formats.archive import read_tar
from cudepot.formats.deb import read_deb
from cudepot.formats.members import Members
from cudepot.formats.payload import Found, Payload, PayloadRules
from cudepot.formats.payload_assemble import assemble
from cudepot.formats.release import Release
from cudepot.formats.rpm import read_rpm
from cudepot.formats.wheel_read import read_wheel
from cudepot.formats.wheel_write import WheelRules
from cudepot.formats.zip_read import read_zip

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


class Objects:
    """Contents by digest."""

    def __init__(self) -> None:
        self.contents: dict[Digest, bytes] = {}

    def add(self, data: bytes) -> Digest:
        digest = Digest.of(data)
        self.contents[digest] = data
        return digest

    def open(self, digest: Digest) -> BinaryIO:
        return io.BytesIO(self.contents[digest])


@cache
def rules() -> PayloadRules:
    """The rules this repository ships for cuDNN."""
    return PayloadRules.from_dict(tomllib.loads((RECIPES / "cudnn/payload.toml").read_text()))


@cache
def wheel_rules() -> WheelRules:
    """The wheel names this repository ships for cuDNN."""
    return WheelRules.from_dict(tomllib.loads((RECIPES / "cudnn/wheel.toml").read_text()))


def members(path: Path, stream: BinaryIO) -> Members:
    """The members of an artifact, read by what its name says."""
    reader = {".deb": read_deb, ".rpm": read_rpm, ".whl": read_wheel, ".zip": read_zip}.get(path.suffix, read_tar)
    return reader(stream)


def found_in(path: Path, objects: Objects) -> list[Found]:
    """Every claimed member of an artifact, its content in ``objects``."""
    found = []
    with path.open("rb") as stream:
        for member, content in members(path, stream):
            claim = rules().claim(member.name)
            if claim is not None:
                digest = objects.add(content.read()) if content else None
                found.append(Found(member.name, claim, digest, member.link))
    return found


def payload_of(paths: Iterable[Path], objects: Objects, release: Release | None = None) -> Payload:
    """The payload of a release from its artifacts; the first one's name tells the release."""
    artifacts = list(paths)
    release = release or parse_artifact_name(artifacts[0].name)
    assert release is not None
    return assemble(release, [one for path in artifacts for one in found_in(path, objects)])

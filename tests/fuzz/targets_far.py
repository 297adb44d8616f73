"""Targets for what far sides run alone, which reads the same outside bytes as cudepot: from the same corpora."""

from __future__ import annotations

import io
from collections.abc import Callable

from tests.fuzz.corpus import OLD

from cudepot.errors import FormatError
from cudepot_far import gpgv, manifest, openpgp, packed, project, sealed, volume
from cudepot_far.apt import APT
from cudepot_far.errors import FarError
from cudepot_far.promises import Kind
from cudepot_far.yum import YUM

LIMIT = 1 << 22  # bytes a target may unpack to


def _each(*checks: Callable[[], object]) -> None:
    """Do all of them; raise cudepot's error, which the fuzzer knows, when all of them refuse."""
    refused: list[FarError] = []
    for check in checks:
        try:
            check()
        except FarError as error:
            refused.append(error)
    if len(refused) == len(checks):
        raise FormatError(str(refused[-1]))


def _bundle(data: bytes) -> None:
    _each(lambda: list(volume.members(io.BytesIO(data), "bundle")))


def _documents(data: bytes) -> None:
    _each(
        lambda: manifest.parse_manifest(data, "manifest"),
        lambda: manifest.parse_snapshot(data, "snapshot"),
        lambda: manifest.parse_record(data, "promotion"),
        lambda: sealed.unsealed(data, "record"),
    )


def _keys(data: bytes) -> None:
    _each(lambda: openpgp.fingerprints(openpgp.keyring(data, "key"), "key"))


def _packets(data: bytes) -> None:
    openpgp.is_plain_armor(data)


def _settings(data: bytes) -> None:
    _each(lambda: project.parse(data.decode("utf-8", "replace"), "cudepot.toml"))


def _inrelease(data: bytes) -> None:
    _each(lambda: gpgv.parted(data, "InRelease"))


def _tar(data: bytes) -> None:
    _each(lambda: [None for _ in packed.unpacked(io.BytesIO(data), "packed", LIMIT)])


def _patches(data: bytes) -> None:
    _each(lambda: list(packed.zstd(data[:9], io.BytesIO(data[9:]), "patch", OLD)))


def _roots(kind: Kind, data: bytes) -> None:
    _each(
        lambda: kind.leads_to(data, "root", ours=False),
        lambda: kind.leads_to(data, "root", ours=True),
        lambda: kind.leads_to_lists(data, "root"),
    )


def _lists(kind: Kind, data: bytes) -> None:
    _each(*(lambda ours=ours: list(kind.lists(iter([data]), "index", ours=ours)) for ours in (True, False)))


FAR: dict[str, Callable[[bytes], None]] = {
    "far_bundle": _bundle,
    "far_documents": _documents,
    "far_keys": _keys,
    "far_packets": _packets,
    "far_settings": _settings,
    "far_inrelease": _inrelease,
    "far_tar": _tar,
    "far_patches": _patches,
    "far_release": lambda data: _roots(APT, data),
    "far_packages": lambda data: _lists(APT, data),
    "far_repomd": lambda data: _roots(YUM, data),
    "far_primary": lambda data: _lists(YUM, data),
}
"""The corpus of each is that of the target without ``far_``, unless it has one of its own."""

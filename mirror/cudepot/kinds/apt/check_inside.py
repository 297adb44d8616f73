"""Holds what a deb says of itself against what its index said of it, as soon as it is here."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import Artifact, Lock
from cudepot.depot.fetch_locked import Missing
from cudepot.digest import Digest
from cudepot.errors import CudepotError, FormatError
from cudepot.formats.deb import read_control
from cudepot.formats.deb822 import parse_stanza
from cudepot.store.local import LocalStore


def check_inside(deb: Artifact, name: str, version: str, architecture: str) -> None:
    """Refuse a deb that is another than its index says: clients would get what nobody asked for.

    One for ``all`` may be listed for one architecture, and the other way round: apt installs it all the same, and the
    site's own index says what the deb says.

    Raises:
        FormatError: name, version or architecture differ.
    """
    same = architecture == deb.architecture or "all" in (architecture, deb.architecture)
    if (name.lower(), version) != (deb.name, deb.version) or not same:
        raise FormatError(
            f"{deb.filename}: describes itself as {name} {version} {architecture}, the lock says {deb.name} "
            f"{deb.version} {deb.architecture}",
            hint="the upstream's index does not match its package: do not use it; pin another version",
        )


def inside_of(store: LocalStore, name: str, digest: Digest) -> tuple[str, ...]:
    """Return package, version and architecture as a deb says; raise FormatError where it is none."""
    with store.open(digest) as handle:
        fields = parse_stanza(read_control(handle, what=name), name)
    return tuple(fields.get(key, "") for key in ("Package", "Version", "Architecture"))


def mislabelled(
    store: LocalStore, lock: Lock, fetched: Container[Digest], known: Mapping[Digest, tuple[str, ...]]
) -> Iterator[tuple[Missing, CudepotError]]:
    """Give the debs, of those that were just fetched, that are others than their index says.

    Args:
        store: has them.
        lock: what its upstream's index said of them.
        fetched: those that came.
        known: what some of them say, read by whoever fetched them.
    """
    debs = [one for one in lock.artifacts if one.kind == ArtifactKind.DEB and one.is_mirrored]
    came = [one for one in debs if one.digest in fetched and store.has(one.digest)]
    store.bring([one.digest for one in came if one.digest not in known])
    for one in came:
        try:
            check_inside(one, *(known.get(one.digest) or inside_of(store, one.filename, one.digest)))
        except FormatError as error:
            yield Missing(one.upstream, one.path, one.digest), error

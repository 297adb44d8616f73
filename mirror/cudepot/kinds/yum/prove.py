"""Proves a yum repository of the site: every pinned package can be installed from its finished metadata.

Beside these, machines have what the lock says that the distribution provides. Each package is an install of its own,
on each machine it is for: a mirror holds versions and CUDA variants that exclude each other. So are those together
that one ``[[pin]]`` means for one machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from cudepot.catalog.config.config import Config, Pin
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import Artifact, Lock
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.verdicts import Verdict, verdict
from cudepot.digest import Digest
from cudepot.formats.filelists import owners_of
from cudepot.formats.primary import Rpm, read_primary
from cudepot.formats.repomd import PATH, Repomd, parse_repomd
from cudepot.formats.rpm_header import MODULARITY_LABEL, read_head
from cudepot.kinds.registry import kind_of
from cudepot.kinds.yum.chain import opened, whole
from cudepot.kinds.yum.loose_rpms import architectures_of
from cudepot.kinds.yum.rules.closure import add_unknown_paths, machines
from cudepot.kinds.yum.rules.modules import streams_of
from cudepot.kinds.yum.rules.pins import Rpms, named_of, pins_there
from cudepot.kinds.yum.rules.selection import Fault
from cudepot.store.local import LocalStore

_METHOD = 2
"""Raised whenever the proof asks for more or less than it did."""


def unsolvable(
    config: Config, store: LocalStore, lock: Lock, name: str, files: Mapping[str, Digest]
) -> list[Unsolvable]:
    """Return the pinned packages of a repository that no client could install.

    Args:
        config: cudepot.toml.
        store: the store.
        lock: tells what is pinned, and what the distribution provides.
        name: of the upstream.
        files: paths below the repository's folder → content.
    """
    if PATH not in files:
        return []
    settings, locked = config.upstream(name), lock.upstream(name)
    pins = config.pins_of(settings)
    grounds = [
        _METHOD, files[PATH].sha256, locked.external if locked else (), _architectures(lock, settings),
        [(one.packages, one.cuda, one.architectures) for one in pins],
        [one.digest.sha256 for one in _pinned(lock, name)],
    ]  # fmt: skip

    def prove() -> Verdict:
        return Verdict(tuple(_prove(store, lock, settings, pins, files)))

    return list(verdict(store, f"yum/{name}", grounds, prove).unsolvable)


def _pinned(lock: Lock, name: str) -> list[Artifact]:
    return [one for one in lock.of(name) if one.kind == ArtifactKind.RPM and one.why == "pin" and one.is_mirrored]


def _prove(
    store: LocalStore, lock: Lock, settings: Upstream, pins: Sequence[Pin], files: Mapping[str, Digest]
) -> Iterator[Unsolvable]:
    repomd, locked = parse_repomd(store.read(files[PATH]), PATH), lock.upstream(settings.name)
    rpms, pinned = _rpms(store, repomd, files), _pinned(lock, settings.name)
    wanted = [f"{one.name}-{one.version}.{one.architecture}" for one in pinned]
    every = machines(_architectures(lock, settings), rpms, ())
    add_unknown_paths(every, lambda paths: _owners(store, repomd, files, paths))
    offered = Rpms(one for one in rpms if one.nevra in set(wanted))
    streams, named = _streams(store, repomd, files), _named(lock, settings, pins, offered)
    for machine in every:
        for found, needed, because in machine.proved(wanted, named, locked.external if locked else ()):
            if because := because or _exclusive(needed, streams):
                yield Fault(found, machine.architecture, because).unsolvable(settings.name)
    yield from _unlisted(store, settings.name, pinned, streams)


def _named(lock: Lock, settings: Upstream, pins: Sequence[Pin], pinned: Rpms) -> list[list[Rpm]]:
    """Return what each ``[[pin]]`` names without a glob; loose rpms stand each alone."""
    if kind_of(settings).locks.names_files:
        return []
    return named_of(pins_there(pins, _architectures(lock, settings), pinned), pinned)


def _architectures(lock: Lock, settings: Upstream) -> tuple[str, ...]:
    """Return the architectures of the machines a repository is for; loose rpms say it themselves."""
    if not kind_of(settings).locks.names_files:
        return settings.architectures
    rpms = [one for one in lock.of(settings.name) if one.kind == ArtifactKind.RPM and one.is_mirrored]
    return architectures_of(rpms)


def _rpms(store: LocalStore, repomd: Repomd, files: Mapping[str, Digest]) -> list[Rpm]:
    record = repomd.record("primary")
    assert record is not None, "a repomd.xml without primary was refused"
    with opened(store, files[record.href], record.href) as text:
        return list(read_primary(text, record.href))


def _owners(store: LocalStore, repomd: Repomd, files: Mapping[str, Digest], paths: set[str]) -> dict[str, list[str]]:
    record = repomd.record("filelists")
    if record is None:
        return {}
    with opened(store, files[record.href], record.href) as text:
        return owners_of(text, paths, record.href)


def _streams(store: LocalStore, repomd: Repomd, files: Mapping[str, Digest]) -> dict[str, set[tuple[str, str]]]:
    record = repomd.record("modules")
    if record is None:
        return {}
    return streams_of(whole(store, files[record.href], record.href), record.href)


def _exclusive(needed: Iterable[Rpm], streams: Mapping[str, set[tuple[str, str]]]) -> str:
    """Return why packages cannot be on one machine: they are of two streams of one module; else nothing."""
    chosen: dict[str, set[str]] = {}
    for one in needed:
        for module in {module for module, _ in streams.get(_long(one.nevra), ())}:
            of_it = {stream for name, stream in streams[_long(one.nevra)] if name == module}
            chosen[module] = chosen.get(module, of_it) & of_it
            if not chosen[module]:
                return f"its dependencies come from several streams of module {module}"
    return ""


def _long(nevra: str) -> str:
    """Return a NEVRA as modules write it, with its epoch."""
    name, version, release = nevra.rsplit("-", 2)
    return f"{name}-{version if ':' in version else f'0:{version}'}-{release}"


def _unlisted(
    store: LocalStore, name: str, pinned: Iterable[Artifact], streams: Mapping[str, object]
) -> Iterator[Unsolvable]:
    """Give the packages that say they are of a module, and that no module lists: dnf refuses them."""
    for one in pinned:
        nevra = f"{one.name}-{one.version}.{one.architecture}"
        if _long(nevra) in streams:
            continue
        with store.open(one.digest) as handle:
            label = read_head(handle, what=one.filename).header.text(MODULARITY_LABEL)
        if label:
            yield Unsolvable(name, nevra, f"of module {label}", "no module of the repository lists it")

"""The ``yum/`` part of a site: one repository per upstream, its metadata cut out of the upstream's and signed again.

Loose rpms have no metadata to cut from: theirs are made of their headers first (:mod:`.loose_rpms`).
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import Artifact, Lock, LockedUpstream
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot, Signing, SiteSigner
from cudepot.depot.snapshots import lock_of
from cudepot.digest import Digest, hasher
from cudepot.errors import ConfigError, CudepotError, FormatError
from cudepot.formats.repomd import PATH, Record, Repomd, parse_repomd, render_repomd
from cudepot.kinds.repository import GENERATIONS, pool_of
from cudepot.kinds.yum.chain import opened
from cudepot.kinds.yum.generations import Source, joined
from cudepot.kinds.yum.loose_rpms import described
from cudepot.kinds.yum.rules import plan as yum_plan
from cudepot.kinds.yum.rules.mirror import DOCUMENT_LIMIT, METADATA_LIMIT
from cudepot.kinds.yum.rules.trim import trimmed
from cudepot.kinds.yum.signatures import unchecked
from cudepot.ports import Progress
from cudepot.store.local import LocalStore

_LEVEL = 6  # of gzip: 9 takes four times as long for 2 %
_ROOTS = (PATH, f"{PATH}.asc", f"{PATH}.key")


def yum_tree(depot: Depot, lock: Lock, earlier: Sequence[Snapshot]) -> dict[str, Digest]:
    """Return the path → content list of all yum repositories; new metadata are put into the store.

    Args:
        depot: the depot.
        lock: what to publish.
        earlier: snapshots before this one, the newest first.

    Raises:
        ConfigError: the signature of a package that is new has not been checked.
    """
    tree: dict[str, Digest] = {}
    for upstream in lock.upstreams:
        if not lock.has_rpms(upstream):
            continue
        rpms = [one for one in lock.of(upstream.name) if one.kind == ArtifactKind.RPM and one.is_mirrored]
        folder, before = _folder(upstream), _Earlier(depot.signing, upstream, earlier)
        if not before.same(lock):
            _check_signatures(depot.base, depot.config, depot.store, lock, upstream)
        if upstream.files:  # a whole mirror is published as it is; only its last metadata are to stay reachable
            tree |= {folder + path: one for path, one in before.generations(GENERATIONS - 1).items()}
        elif rpms:
            made = before.kept(lock) or _repository(depot, upstream, rpms, before)
            tree |= {folder + path: digest for path, digest in made.items()}
    return tree


def _folder(upstream: LockedUpstream) -> str:
    """Return where a site has an upstream's yum repository; one of debs may be beside it."""
    return f"yum/{upstream.name}/"


def _check_signatures(base: Path, config: Config, store: LocalStore, lock: Lock, upstream: LockedUpstream) -> None:
    missing = unchecked(base, config, store, lock, upstream)
    if missing:
        raise ConfigError(
            f"{upstream.name}: the signatures of {len(missing)} packages have not been checked, for example "
            f"{missing[0]}",
            hint="run `cudepot sync`",
        )


@dataclass(frozen=True, slots=True)
class _Earlier:
    """What was published of an upstream before."""

    signing: Signing
    upstream: LockedUpstream
    snapshots: Sequence[Snapshot]

    def files(self, snapshot: Snapshot) -> dict[str, Digest]:
        """Return its files in a snapshot, by path below its folder."""
        folder = _folder(self.upstream)
        return {path[len(folder) :]: one for path, one in snapshot.tree.items() if path.startswith(folder)}

    def root(self) -> bytes | None:
        """Return the last repomd.xml, if the store has it."""
        digest = self.files(self.snapshots[0]).get(PATH) if self.snapshots else None
        return self.signing.store.find(digest)

    def kept(self, lock: Lock) -> dict[str, Digest] | None:
        """Return what is published when it was made from the same lock, in the same way, with the same key."""
        root = self.root()
        if root is None or not self.same(lock) or self.snapshots[0].signer != self.signing.signer().fingerprint:
            return None
        files = self.files(self.snapshots[0])
        there = all(self.signing.store.has(one) for one in files.values())
        there = there and not yum_plan.is_of_the_future(root, self.signing.clock())
        return files if there and parse_repomd(root, PATH).made_by == yum_plan.PLAN else None

    def same(self, lock: Lock) -> bool:
        """Return whether the last snapshot was made from the very same part of a lock."""
        name = self.upstream.name
        if not self.snapshots or not self.signing.store.has(self.snapshots[0].lock):
            return False
        last = lock_of(self.signing.store, self.snapshots[0])
        return (last.upstream(name), last.of(name)) == (self.upstream, lock.of(name))

    def generations(self, count: int) -> dict[str, Digest]:
        """Return the metadata of the last ``count`` distinct generations, as far as the store still has them."""
        found: dict[Digest, dict[str, Digest]] = {}
        for snapshot in self.snapshots:
            files = self.files(snapshot)
            if len(found) < count and PATH in files and self.signing.store.has(files[PATH]):
                found.setdefault(files[PATH], _named(self.signing.store, files))
        return {path: one for files in found.values() for path, one in files.items() if self.signing.store.has(one)}


def _named(store: LocalStore, files: Mapping[str, Digest]) -> dict[str, Digest]:
    try:
        records = parse_repomd(store.read(files[PATH]), PATH).records
    except CudepotError:
        return {}
    return {one.href: files[one.href] for one in records if one.href in files}


def _repository(
    depot: Depot, upstream: LockedUpstream, rpms: Sequence[Artifact], before: _Earlier
) -> dict[str, Digest]:
    pool = pool_of(rpms)
    last = before.root()
    revision = yum_plan.next_revision(depot.clock(), last)
    records = _metadata(depot, upstream, list({one.filename: one for one in rpms}.values()), revision)
    files = {one.href: one.promised for one in records if isinstance(one.promised, Digest)}
    older = {path: one for path, one in before.generations(GENERATIONS).items() if path not in files}
    return pool | older | files | _roots(depot.signing, records, revision, before)


def _metadata(depot: Depot, upstream: LockedUpstream, rpms: Sequence[Artifact], revision: int) -> tuple[Record, ...]:
    """Make the metadata of these packages from the upstream's, and put them into the store."""
    with _sources(depot.store, upstream, rpms) as sources:
        primary = next(one for one in sources if one.role == "primary")
        with primary.open(primary.path) as text:
            named = yum_plan.by_checksum(text, rpms, primary.path)
        made = [_made(depot, one, named, rpms, revision) for one in sources]
    return tuple(one for one in made if one is not None)


@contextmanager
def _sources(store: LocalStore, upstream: LockedUpstream, rpms: Sequence[Artifact]) -> Iterator[list[Source]]:
    """Give the upstream's metadata; loose rpms have none, so they are made of their headers."""
    if upstream.metadata:
        with joined(
            [Source(one.role, one.path, partial(opened, store, one.digest)) for one in upstream.metadata]
        ) as one:
            yield one
        return
    with described(rpms, lambda one: store.open(one.digest)) as paths:
        yield [Source(kind, path.name, lambda *_, at=path, **__: at.open("rb")) for kind, path in paths.items()]


def _made(
    depot: Depot, source: Source, named: Mapping[str, Artifact], rpms: Sequence[Artifact], revision: int
) -> Record | None:
    """Make one file of the metadata; where dnf can do without it, leave it out when the upstream's is broken."""
    try:
        return _made_strictly(depot, source, named, rpms, revision)
    except FormatError as error:
        if source.role in yum_plan.NEEDED:
            raise error.retold(f"{rpms[0].upstream}: {error}") from error
        depot.progress.say(f"{rpms[0].upstream}: left out: {error}")
        return None


def _made_strictly(
    depot: Depot, source: Source, named: Mapping[str, Artifact], rpms: Sequence[Artifact], revision: int
) -> Record | None:
    kind, what = source.role, f"{source.role} ({source.path})"
    limit = METADATA_LIMIT if kind in ("primary", "filelists", "other") else DOCUMENT_LIMIT
    lacking: list[str] = []
    with source.open(what, open_size=limit) as text:
        if kind == "primary":
            return _kept(depot.store, kind, f"{kind}.xml.gz", yum_plan.primary_entries(text, named, what), revision)
        if kind in ("filelists", "other"):
            pieces = yum_plan.extra_entries(kind, text, named, what, lacking.append)
            made = _kept(depot.store, kind, f"{kind}.xml.gz", pieces, revision)
            if lacking:
                told = f"{lacking[0]}{f' and {len(lacking) - 1} more' if lacking[1:] else ''}"
                depot.progress.say(f"{rpms[0].upstream}: {what}: has no usable entry for {told}: left empty")
            return made
        kind = "group" if kind.startswith("group") else kind
        found = _small(depot.progress, kind, text.read(), rpms, what)
    return _kept(depot.store, kind, f"{yum_plan.ENDINGS[kind]}.gz", [found], revision) if found else None


def _small(progress: Progress, kind: str, text: bytes, rpms: Sequence[Artifact], what: str) -> bytes:
    if kind != "modules":
        return trimmed(kind, text, rpms, what)
    from cudepot.kinds.yum.rules.modules import trimmed_modules  # noqa: PLC0415 - few repositories have modules

    name = rpms[0].upstream
    return trimmed_modules(text, rpms, what, lambda told: progress.say(f"{name}: {told}"))


def _kept(store: LocalStore, kind: str, name: str, pieces: Iterable[bytes], revision: int) -> Record:
    """Compress a document into the store, and return its record; it is named after what it holds."""
    opened_hash, size = hasher(), 0

    def write(out: BinaryIO) -> None:
        nonlocal size
        with gzip.GzipFile("", "wb", _LEVEL, out, mtime=0) as packed:
            for piece in pieces:
                opened_hash.update(piece)
                size += len(piece)
                packed.write(piece)

    digest = store.make(write)
    return Record(kind, f"repodata/{digest.sha256}-{name}", digest, size, opened_hash.hexdigest(), revision)


def _roots(signing: Signing, records: Sequence[Record], revision: int, before: _Earlier) -> dict[str, Digest]:
    """Return the signed roots: the ones before when they name the very same files."""
    last, signer = before.root(), signing.signer()
    if last is not None and before.snapshots[0].signer == signer.fingerprint:
        files = before.files(before.snapshots[0])
        old: Repomd = parse_repomd(last, PATH)
        whole = all(path in files and signing.store.has(files[path]) for path in _ROOTS)
        whole = whole and not yum_plan.is_of_the_future(last, signing.clock())
        if whole and old.made_by == yum_plan.PLAN and yum_plan.same_repository(old, records):
            return {path: files[path] for path in _ROOTS}
    return _signed(signing.store, signing.signer, records, revision)


def renewed(signing: Signing, root: str, old: Snapshot, newest: Snapshot) -> dict[str, Digest]:
    """Return what a repository of an older snapshot becomes when it follows ``newest``: signed again, revised later.

    yum 3 keeps what it has when it is offered an older repomd.xml. The metadata of ``newest`` stay reachable.
    """
    folder = root.removesuffix(PATH)
    before = parse_repomd(signing.store.read(old.tree[root]), root)
    last = signing.store.read(newest.tree.get(root, old.tree[root]))
    revision = yum_plan.next_revision(signing.clock(), last)
    records = [replace(one, timestamp=revision) for one in before.records]
    metadata = {path: one for path, one in newest.tree.items() if path.startswith(f"{folder}repodata/")}
    roots = _signed(signing.store, signing.signer, records, revision)
    return metadata | {folder + path: digest for path, digest in roots.items()}


def _signed(store: LocalStore, signer: SiteSigner, records: Sequence[Record], revision: int) -> dict[str, Digest]:
    key = signer()
    text = render_repomd(str(revision), records, made_by=yum_plan.PLAN)
    made = (text, key.detach(text), key.public_key(armor=True))
    return {path: store.add_bytes(data) for path, data in zip(_ROOTS, made, strict=True)}

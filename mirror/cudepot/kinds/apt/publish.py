"""The ``apt/`` part of a site: one flat repository per upstream, re-signed with the site key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import Artifact, Lock, LockedUpstream
from cudepot.catalog.site.snapshot import Snapshot, Tree
from cudepot.depot.depot import Clock, Signing
from cudepot.digest import Digest
from cudepot.formats.deb import read_control
from cudepot.formats.deb822 import Fields, parse_stanza
from cudepot.kinds.apt.check_inside import check_inside
from cudepot.kinds.apt.rules import plan as apt_plan
from cudepot.kinds.repository import GENERATIONS, pool_of
from cudepot.store.local import LocalStore

_INDEXES = apt_plan.FORMS


def apt_tree(config: Config, signing: Signing, lock: Lock, earlier: Sequence[Snapshot]) -> dict[str, Digest]:
    """Return the path → content list of all apt repositories; new index files are put into the store.

    Args:
        config: cudepot.toml.
        signing: what signed files are made with.
        lock: what to publish.
        earlier: snapshots before this one, the newest first.
    """
    tree: dict[str, Digest] = {}
    for upstream in lock.upstreams:
        debs = [one for one in lock.of(upstream.name) if one.kind == ArtifactKind.DEB and one.is_mirrored]
        if debs and not upstream.files:  # a whole mirror is published as it is
            repository = _repository(config, signing, upstream, debs, earlier)
            tree |= {f"apt/{upstream.name}/{path}": digest for path, digest in repository.items()}
    return tree


def _repository(
    config: Config, signing: Signing, upstream: LockedUpstream, debs: Sequence[Artifact], earlier: Sequence[Snapshot]
) -> dict[str, Digest]:
    pool = pool_of(debs)
    before = _bytes_before(signing.store, upstream, earlier)
    known = _known_stanzas(before.get("Packages", b""))
    stanzas = [_stanza(signing.store, one, known) for one in debs]
    texts = apt_plan.indexes(stanzas, before)
    files = {path: signing.store.add_bytes(text) for path, text in texts.items()}
    architectures, lifetime = [one["Architecture"] for one in stanzas], config.upstream(upstream.name).valid_for
    roots = signed_roots(
        signing,
        f"apt/{upstream.name}",
        lambda date: apt_plan.release(upstream, architectures, texts, date, lifetime),
        earlier,
    )
    return pool | files | _hashed(signing.store, upstream, files, earlier) | roots


def _hashed(
    store: LocalStore, upstream: LockedUpstream, files: dict[str, Digest], earlier: Sequence[Snapshot]
) -> dict[str, Digest]:
    """Return the by-hash names of the last distinct generations of indexes, as far as the store still has them."""
    generations = [files]
    for snapshot in earlier:
        found = _indexes_of(upstream, snapshot)
        if found and found not in generations:
            generations.append(found)
    hashed: dict[str, Digest] = {}
    for generation in generations[:GENERATIONS]:
        hashed |= {path: one for path, one in apt_plan.by_hash(generation).items() if store.has(one)}
    if earlier and _indexes_of(upstream, earlier[0]) == files:
        # Nothing new: keep what is there, or a run that changes nothing would drop the oldest generation.
        prefix = f"apt/{upstream.name}/by-hash/"
        kept = {path: one for path, one in earlier[0].tree.items() if path.startswith(prefix) and store.has(one)}
        hashed |= {path.removeprefix(f"apt/{upstream.name}/"): one for path, one in kept.items()}
    return hashed


def _bytes_before(store: LocalStore, upstream: LockedUpstream, earlier: Sequence[Snapshot]) -> dict[str, bytes]:
    """Return the indexes of the last snapshot; none unless all of them are here, and whole."""
    found = _indexes_of(upstream, earlier[0]) if earlier else {}
    if len(found) < len(_INDEXES) or not all(store.has(one) for one in found.values()):
        return {}
    texts = {name: store.read(digest) for name, digest in found.items()}
    return texts if all(Digest.of(text) == found[name] for name, text in texts.items()) else {}


def _known_stanzas(index: bytes) -> dict[tuple[str, str], Fields]:
    """Return the stanzas of an index that was made here, by file name and sha256: a deb need not be opened again."""
    stanzas = [parse_stanza(raw, "Packages") for raw in index.split(b"\n\n") if raw.strip()]
    return {(one["Filename"], one["SHA256"]): one for one in stanzas}


def _stanza(store: LocalStore, deb: Artifact, known: Mapping[tuple[str, str], Fields]) -> Fields:
    fields = known.get((deb.filename, deb.digest.sha256), {})
    if not fields:
        with store.open(deb.digest) as handle:
            fields = apt_plan.stanza(read_control(handle, what=deb.filename), deb.filename, deb.digest)
    inside = tuple(fields.get(key, "") for key in ("Package", "Version", "Architecture"))
    check_inside(deb, *inside)
    return fields


def signed_roots(
    signing: Signing, folder: str, release: Callable[[str], bytes], earlier: Sequence[Snapshot]
) -> dict[str, Digest]:
    """Return the signed roots of a folder of the site, by name; ``release`` gives the text for a date.

    They are the ones before when nothing but the date would change and they are fresh enough.
    """
    paths = {name: f"{folder}/{name}" for name in ("Release", "Release.gpg", "InRelease")}
    before = earlier[0].tree if earlier else {}
    whole = all(path in before and signing.store.has(before[path]) for path in paths.values())
    old = signing.store.read(before[paths["Release"]]) if whole else None
    text = release(apt_plan.next_date(signing.clock(), old))
    signer = signing.signer()
    kept = old is not None and earlier[0].signer == signer.fingerprint and apt_plan.same_repository(old, text)
    if old is not None and kept and not _is_to_be_dated_anew(old, signing.clock):
        return {name: before[path] for name, path in paths.items()}
    made = {"Release": text, "Release.gpg": signer.detach(text), "InRelease": signer.clearsign(text)}
    return {name: signing.store.add_bytes(data) for name, data in made.items()}


def _is_to_be_dated_anew(old: bytes, clock: Clock) -> bool:
    return apt_plan.is_worn(old, clock()) or apt_plan.is_of_the_future(old, clock())


def renewed(signing: Signing, folder: str, old: Tree, newest: Tree) -> dict[str, Digest]:
    """Return what a repository of an older tree becomes when it follows ``newest``: its roots are signed again.

    apt keeps the lists it has when it is offered a Release older than its own, so the old roots would change
    nothing for a client that has seen newer ones. The indexes of ``newest`` stay reachable by hash, for clients in
    mid-update.
    """
    release = f"{folder}/Release"
    last = newest.get(release, old[release])
    date = apt_plan.next_date(signing.clock(), signing.store.read(last))
    text = apt_plan.dated(signing.store.read(old[release]), date)
    signer, hashed = signing.signer(), f"{folder}/by-hash/"
    made = {"Release": text, "Release.gpg": signer.detach(text), "InRelease": signer.clearsign(text)}
    return {path: one for path, one in newest.items() if path.startswith(hashed)} | {
        f"{folder}/{name}": signing.store.add_bytes(data) for name, data in made.items()
    }


def _indexes_of(upstream: LockedUpstream, snapshot: Snapshot) -> dict[str, Digest]:
    paths = {name: f"apt/{upstream.name}/{name}" for name in _INDEXES}
    return {name: snapshot.tree[path] for name, path in paths.items() if path in snapshot.tree}

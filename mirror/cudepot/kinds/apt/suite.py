"""The suite of a bare-machine environment on the site: ``apt/dists/NAME``, signed with the site key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from cudepot.catalog.ecosystems import APT
from cudepot.catalog.lock import LockedEnvironment, LockedTarget
from cudepot.catalog.site.snapshot import Snapshot, Tree
from cudepot.depot.depot import Signing
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.formats.apt import Package, PackageIndex
from cudepot.formats.apt_release import parse_release
from cudepot.formats.compression import decompressed
from cudepot.kinds.apt.publish import signed_roots
from cudepot.kinds.apt.rules import plan
from cudepot.kinds.apt.rules.indexes import INDEX_LIMIT
from cudepot.kinds.apt.rules.suite import Named, packages, place_of, release, suite_of
from cudepot.kinds.signed_roots import plain_text
from cudepot.store.local import LocalStore


def suite_tree(
    signing: Signing, label: str, environment: LockedEnvironment, tree: Tree, earlier: Sequence[Snapshot]
) -> dict[str, Digest]:
    """Return path → content of the suite of an environment; nothing of one that is for machines with a system.

    Args:
        signing: what signed files are made with.
        label: the site's.
        environment: as it is locked and shown.
        tree: the finished repositories of its upstreams.
        earlier: snapshots before this one, the newest first.
    """
    if not any(dict(one.fields).get("bootstrap") for one in environment.targets):
        return {}
    folder = suite_of(environment.name)
    if any(path.startswith(f"{folder}/") for path in tree):
        raise ConfigError(
            f"{folder}/ would be both an upstream's repository and the suite of environment {environment.name!r}",
            hint="rename the upstream or the environment",
        )
    texts: dict[str, bytes] = {}
    for target in environment.targets:
        place = place_of(dict(target.fields)["architecture"])
        plain = packages(_members(signing.store, target, tree), target.roots)
        texts |= _forms(signing.store, folder, place, plain, earlier)
    files = {path: signing.store.add_bytes(text) for path, text in texts.items()}
    machines = sorted({dict(one.fields)["architecture"] for one in environment.targets})
    named = Named(label, environment.name, _codename(signing.store, environment, tree))
    roots = signed_roots(signing, folder, lambda date: release(named, machines, texts, date), earlier)
    return {f"{folder}/{path}": one for path, one in (files | _hashed(files) | roots).items()}


def _forms(store: LocalStore, folder: str, place: str, plain: bytes, earlier: Sequence[Snapshot]) -> dict[str, bytes]:
    """Return an index in the forms published, by path below the suite: those of the last snapshot if it is the same."""
    at, before = place.removesuffix("Packages"), earlier[0].tree if earlier else {}
    found = {at + name: before.get(f"{folder}/{at}{name}") for name in plan.FORMS}
    digests = {path: digest for path, digest in found.items() if digest is not None and store.has(digest)}
    if digests.get(place) == Digest.of(plain) and len(digests) == len(found):
        return {path: store.read(digest) for path, digest in digests.items()}
    return {at + name: text for name, text in plan.packed(plain).items()}


def _codename(store: LocalStore, environment: LockedEnvironment, tree: Tree) -> str:
    """Return the codename of the repository that most of it comes from."""
    counted = Counter(upstream for upstream, _ in environment.places)
    path = f"{APT.folder(counted.most_common(1)[0][0])}Release"
    return parse_release(store.read(tree[path]), path).fields.get("Codename", "")


def _members(store: LocalStore, target: LockedTarget, tree: Tree) -> list[tuple[str, Package]]:
    names: dict[str, set[str]] = {}
    for upstream, filename, _ in target.members:
        names.setdefault(upstream, set()).add(filename)
    found: list[tuple[str, Package]] = []
    for upstream, wanted in names.items():
        path = f"{APT.folder(upstream)}Packages"
        index = PackageIndex(store.read(tree[path]), path)
        found += ((upstream, one) for name in index.names() for one in index.named(name) if one.filename in wanted)
    return found


def suite_faults(store: LocalStore, environment: LockedEnvironment, tree: Tree) -> Iterator[str]:
    """Give a line for each file of the suite in a tree that says more or less than its upstreams' repositories do.

    It is signed by the site alone, so that a far side checks it against what upstreams signed.
    """
    folder = f"{suite_of(environment.name)}/"
    here = {path.removeprefix(folder): one for path, one in tree.items() if path.startswith(folder)}
    if not here:
        return
    told = {
        place_of(dict(one.fields)["architecture"]): packages(_members(store, one, tree), one.roots)
        for one in environment.targets
    }
    known = {"Release", "Release.gpg", "InRelease"}
    for path, digest in here.items():
        place = next((one for one in told if path.startswith((one, f"{one.rpartition('/')[0]}/by-hash/"))), "")
        if place and _plain(store, digest, path) != told[place]:
            yield f"{folder}{path} does not match the repositories of its upstreams"
        elif not place and path not in known:
            yield f"{folder}{path} does not belong to a suite"
    yield from (f"{folder}{one}: {text}" for one in ("Release", "InRelease") for text in _strange(store, here, one))


def _plain(store: LocalStore, digest: Digest, path: str) -> bytes:
    """Return an index unpacked; by its bytes, because a name by hash does not tell the form."""
    with store.open(digest) as handle, decompressed(handle, path, limit=INDEX_LIMIT) as text:
        return text.read()


def _strange(store: LocalStore, here: Tree, name: str) -> Iterator[str]:
    if name not in here:
        yield "is missing"
        return
    for path, digest in parse_release(plain_text(store.read(here[name])), name).promised().items():
        if here.get(path) != digest:
            yield f"{path} does not match this index"


def _hashed(files: dict[str, Digest]) -> dict[str, Digest]:
    return {f"{path.rpartition('/')[0]}/by-hash/SHA256/{one.sha256}": one for path, one in files.items()}

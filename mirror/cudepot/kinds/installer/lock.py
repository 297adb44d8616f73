"""Resolve pins against a local-repo installer: its pinned sha256 → the key inside → root → index → packages.

The hash in cudepot.toml is the anchor: the key that signs the inner repository is trusted because it is in these
very bytes. What is selected goes into the store at once, because the installer has to be unpacked for it anyway.
"""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Artifact, LockedUpstream, Resolved
from cudepot.depot.fetch import fetch_promised
from cudepot.depot.request import request_hash
from cudepot.depot.root_memory import RootMemory
from cudepot.digest import CHUNK, Digest
from cudepot.disk import check_room
from cudepot.errors import PinError, TrustError
from cudepot.kinds.apt.chain import Chain
from cudepot.kinds.apt.lock import locked_from
from cudepot.kinds.apt.subset import subset
from cudepot.kinds.installer.rules.settings import holds_rpms, sha256_of
from cudepot.kinds.installer.source import LocalRepo
from cudepot.kinds.kind import Asking
from cudepot.kinds.yum.rules.settings import HASH_LOCK, YumSettings
from cudepot.ports import Progress
from cudepot.signing.keys import parse_keys
from cudepot.store.local import LocalStore


def resolve_local(asking: Asking) -> Resolved:
    """Return what the pins of an installer mean; ``before`` when hash and pins are the same: nothing can differ.

    Raises:
        TrustError: the installer, its signature or its index is not what it should be.
        PinError: a pin or a dependency is not available.
    """
    depot, upstream, before, findings = asking.depot, asking.upstream, asking.before, asking.findings
    if before and not findings.again and before[0].request == request_hash(upstream, depot.config.pins_of(upstream)):
        return before
    repo = LocalRepo(depot.base / upstream.path, sha256_of(upstream))
    resolved = (_yum if holds_rpms(upstream) else _apt)(asking, repo)
    _keep(depot.store, depot.progress, repo, resolved[1])
    return resolved


def _apt(asking: Asking, repo: LocalRepo) -> Resolved:
    depot, upstream, findings = asking.depot, asking.upstream, asking.findings
    trusted = _with_inner_keys(depot.store, upstream, repo)
    chain = Chain(depot, trusted, repo, RootMemory.load(depot.store, upstream), findings)
    # another installer may be older: its hash says that it is meant
    suites = [chain.suite("/", {}, rollback=True)]
    chain.memory.save()
    request = request_hash(upstream, depot.config.pins_of(upstream))
    locked = replace(locked_from(depot.config, trusted, suites), url="", request=request)
    return subset(depot, chain, suites, locked, ())


def _yum(asking: Asking, repo: LocalRepo) -> Resolved:
    """Resolve against rpms; an old installer signs nothing inside: its pinned hash alone vouches then."""
    from cudepot.kinds.yum import subset as subset_yum  # noqa: PLC0415 - libsolv and createrepo_c take time to load
    from cudepot.kinds.yum.chain import SIGNATURE, YumChain  # noqa: PLC0415

    depot, upstream, findings = asking.depot, asking.upstream, asking.findings
    signed = repo.has(SIGNATURE)
    trusted = (
        _with_inner_keys(depot.store, upstream, repo) if signed else replace(upstream, settings=YumSettings(HASH_LOCK))
    )
    memory = RootMemory.load(depot.store, upstream)
    chain = YumChain(depot, replace(trusted, url=f"{upstream.path}/"), repo, memory, findings)
    root = chain.root({}, rollback=True)
    memory.save()
    request = request_hash(upstream, depot.config.pins_of(upstream))
    locked = LockedUpstream(upstream.name, upstream.type, "", request, (root.root,))
    resolved = subset_yum.subset(chain, root, locked, ())
    for one in resolved[0].metadata:
        fetch_promised(repo, one.path, one.digest, depot.store, depot.progress)
    return resolved


def _with_inner_keys(store: LocalStore, upstream: Upstream, repo: LocalRepo) -> Upstream:
    """Return the upstream with the keys that are in the installer pinned."""
    paths = [store.path(store.add_bytes(data)) for _, data in sorted(repo.keys().items())]
    found = {
        path: tuple(one.fingerprint for one in parse_keys(path.read_bytes())) for path in paths
    }  # signatures have names like those of keys
    keys = tuple(dict.fromkeys(key for several in found.values() for key in several))
    if not keys:
        raise TrustError(
            f"{repo.file}: it contains no public key, so its index cannot be checked",
            hint="local-repo installers carry theirs as XXXXXXXX.pub next to the packages",
        )
    keyrings = tuple(str(path) for path, several in found.items() if several)
    return replace(upstream, url=f"{upstream.path}/", keys=keys, keyrings=keyrings)


def _keep(store: LocalStore, progress: Progress, repo: LocalRepo, artifacts: tuple[Artifact, ...]) -> None:
    """Put the selected packages into the store, in one pass over the installer."""
    wanted = {one.path: one.digest for one in artifacts if not store.has(one.digest)}
    if not wanted:
        return
    progress.begin(f"unpacking {len(wanted)} packages", sum(one.size for one in wanted.values()), len(wanted))
    for name, content in repo.packages():
        digest = wanted.pop(name, None)
        if digest is not None:
            _keep_one(store, progress, digest, content)
    progress.end()
    if wanted:
        raise PinError(
            f"{repo.file}: {min(wanted)} is in its index but not in the installer",
            hint="the installer is incomplete: pin other packages, or use NVIDIA's network repository",
        )


def _keep_one(store: LocalStore, progress: Progress, digest: Digest, content: BinaryIO) -> None:
    check_room(store.root, digest.size)
    with store.part(digest) as part:
        part.restart()
        while chunk := content.read(CHUNK):
            part.write(chunk)
            progress.advance(len(chunk))
        part.commit()
    progress.advance(0, 1)

"""The signatures inside rpms: checked when they have arrived, remembered, and asked for before they are published.

A header signature covers the header, and the header's digest of the payload covers the rest. Packages of rpm before
4.14 have no such digest: what covers their payload is the hash in the repository's signed metadata. Where nobody has
signed these, it is the second signature such packages bear, over header and payload together; it also counts where
it is the only one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.faults import PACKAGE, Fault, PackageError
from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.depot.depot import Keyring
from cudepot.depot.fetch_locked import Missing
from cudepot.depot.request import key_hash
from cudepot.digest import CHUNK, Digest
from cudepot.disk import append
from cudepot.errors import CudepotError, TrustError
from cudepot.formats.rpm_header import RpmHead, read_head
from cudepot.kinds.mirror_files import read_whole
from cudepot.kinds.registry import kind_of
from cudepot.kinds.yum.rules.settings import HASH_LOCK, yum_settings
from cudepot.ports import Signed, Verifier
from cudepot.store.layout import RPM_SIGNATURES
from cudepot.store.local import LocalStore

_TOGETHER = 32  # rpms checked by one run of gpg: their headers are in memory
_WORKERS = 4


class Subject(NamedTuple):
    """An rpm whose signature counts: where it is, and what the lock says it is (empty in a whole mirror)."""

    upstream: str
    path: str
    digest: Digest
    nevra: str = ""


def subjects(config: Config, store: LocalStore, lock: Lock, upstream: LockedUpstream) -> list[Subject]:
    """Return the rpms of an upstream that have to be signed by one of its ``rpm-keys``; none where it has no such."""
    if not lock.has_rpms(upstream) or not config.upstream(upstream.name).package_keys:
        return []
    found = {
        one.digest: Subject(upstream.name, one.path, one.digest, f"{one.name}-{one.version}.{one.architecture}")
        for one in lock.of(upstream.name)
        if one.kind == ArtifactKind.RPM
    }
    for path, digest in read_whole(store, upstream).packages.items() if upstream.files else ():
        found.setdefault(digest, Subject(upstream.name, path, digest))
    return list(found.values())


def unchecked(base: Path, config: Config, store: LocalStore, lock: Lock, upstream: LockedUpstream) -> list[str]:
    """Return the paths of rpms whose signatures have not been found good with the present keys."""
    every = subjects(config, store, lock, upstream)
    return [one.path for one in _still(base, store, config.upstream(upstream.name), every)] if every else []


def check_rpms(
    config: Config, store: LocalStore, keyring: Keyring, lock: Lock
) -> Iterator[tuple[Missing, CudepotError]]:
    """Check every rpm that is here and not remembered as good; give those that cannot be trusted, and why."""
    for locked in lock.upstreams:
        every = [one for one in subjects(config, store, lock, locked) if store.has(one.digest)]
        if not every:
            continue
        upstream = config.upstream(locked.name)
        waiting = _still(keyring.base, store, upstream, every)
        verifier = keyring.verifier(_of_rpms(upstream)) if waiting else None
        parts = [waiting[start : start + _TOGETHER] for start in range(0, len(waiting), _TOGETHER)]
        if verifier is not None:
            yield from _checked(keyring.base, store, upstream, verifier, parts)


def _checked(
    base: Path, store: LocalStore, upstream: Upstream, verifier: Verifier, parts: Sequence[Sequence[Subject]]
) -> Iterator[tuple[Missing, CudepotError]]:
    keys, bare = _terms(base, upstream), _is_bare(upstream)
    with ThreadPoolExecutor(_WORKERS) as pool, ThreadPoolExecutor(_WORKERS) as hashing:
        for done in pool.map(lambda part: _results(store, verifier, part, hashing, bare=bare), parts):
            good = [(one, found) for one, found in done if isinstance(found, _Good)]
            lines = [f"{one.digest.sha256} {keys} {found.signer} {found.nevra}\n" for one, found in good]
            append(store.at(RPM_SIGNATURES), "".join(lines) if keys else "")
            for one, error in done:
                if isinstance(error, CudepotError):
                    yield Missing(one.upstream, one.path, one.digest), _package_error(upstream, one, error)


def _package_error(upstream: Upstream, one: Subject, error: CudepotError) -> PackageError:
    said: dict[str, str | int] = {"promised_sha256": one.digest.sha256, "promised_size": one.digest.size}
    return PackageError(
        f"{one.path}: {error}",
        hint=f"it is not published; if NVIDIA signed it, add the key to `rpm-keys` of {upstream.name}",
        fault=Fault(PACKAGE, f"{upstream.url}{one.path}", said),
    )


def _terms(base: Path, upstream: Upstream) -> str:
    """Return what a verdict depends on beside the rpm: the keys, and whether a signature has to cover its payload."""
    keys = key_hash(base, _of_rpms(upstream))
    return f"{keys}+payload" if keys and _is_bare(upstream) else keys


def _is_bare(upstream: Upstream) -> bool:
    """Return whether nobody has signed metadata that tell the hashes of packages."""
    return yum_settings(upstream).trust == HASH_LOCK or kind_of(upstream).locks.names_files


def _of_rpms(upstream: Upstream) -> Upstream:
    return replace(upstream, keys=upstream.package_keys)


def _still(base: Path, store: LocalStore, upstream: Upstream, every: Iterable[Subject]) -> list[Subject]:
    """Return what is not remembered as good: under these keys, and as the package it is taken for."""
    good = _remembered(store, _terms(base, upstream))
    return [one for one in every if (found := good.get(one.digest.sha256)) is None or one.nevra not in ("", found)]


def _remembered(store: LocalStore, keys: str) -> dict[str, str]:
    try:
        lines = store.at(RPM_SIGNATURES).read_text("utf-8", "replace").splitlines()
    except OSError:
        return {}
    fields = [line.split(" ") for line in lines]
    return {one[0]: one[3] for one in fields if len(one) == 4 and keys and one[1] == keys}


class _Good(NamedTuple):
    signer: str
    nevra: str


_Verdicts = list[tuple[Subject, "_Good | CudepotError"]]


def _results(
    store: LocalStore, verifier: Verifier, part: Sequence[Subject], hashing: ThreadPoolExecutor, *, bare: bool
) -> _Verdicts:
    """Return what each rpm is; payloads are hashed while gpg looks at the headers."""
    heads = [(one, _read(store, one)) for one in part]
    payloads = [hashing.submit(_payload_fault, store, one, head) for one, head in heads]
    signed = [
        (number, head.header.raw, signature, one.path)
        for number, (one, head) in enumerate(heads)
        if isinstance(head, RpmHead)
        for signature in head.signatures()
    ]
    verdicts: dict[int, list[Signed | TrustError]] = {}
    for (number, *_), found in zip(signed, verifier.detached_each([one[1:] for one in signed]), strict=True):
        verdicts.setdefault(number, []).append(found)
    judged = [(one, head, _verdict(head, verdicts.get(number, []))) for number, (one, head) in enumerate(heads)]
    return [
        (one, payloads[number].result() or _with_payload(store, verifier, one, head, verdict, bare=bare))
        for number, (one, head, verdict) in enumerate(judged)
    ]


def _verdict(head: RpmHead | CudepotError, found: Sequence[Signed | TrustError]) -> _Good | CudepotError | None:
    """Return what the signatures over the header say; None where there is none."""
    if isinstance(head, CudepotError):
        return head
    good = next((one for one in found if isinstance(one, Signed)), None)
    bad = next((one for one in found if isinstance(one, TrustError)), None)
    return _good(head, good) if good else bad


def _good(head: RpmHead, signed: Signed) -> _Good:
    return _Good(signed.signers[0], f"{head.name}-{head.evr}.{head.architecture}")


def _with_payload(
    store: LocalStore,
    verifier: Verifier,
    one: Subject,
    head: RpmHead | CudepotError,
    verdict: _Good | CudepotError | None,
    *,
    bare: bool,
) -> _Good | CudepotError:
    """Return the verdict on the whole rpm; ``bare`` where no signed metadata vouch for its payload."""
    if isinstance(head, CudepotError):
        return head
    if isinstance(verdict, CudepotError):
        return verdict
    if verdict is not None and (head.payload_digest[0] or not bare):
        return verdict
    return _old_way(store, verifier, one, head) or TrustError(
        "no signature covers its payload, and the metadata with its hash is unsigned"
        if verdict
        else "neither its header nor the file as a whole is signed"
    )


def _old_way(store: LocalStore, verifier: Verifier, one: Subject, head: RpmHead) -> _Good | CudepotError | None:
    """Return what a signature over header and payload together says; None where there is none."""
    try:
        for signature in head.old_signatures():
            with store.open(one.digest) as handle:
                handle.seek(head.start)
                return _good(head, verifier.detached_file(handle, signature, one.path))
    except CudepotError as error:
        return error
    return None


def _read(store: LocalStore, one: Subject) -> RpmHead | CudepotError:
    """Return the head of an rpm that is the package it is taken for; else why it cannot be used."""
    try:
        with store.open(one.digest) as handle:
            head = read_head(handle, what=one.path)
        nevra = f"{head.name}-{head.evr}.{head.architecture}"
        if one.nevra not in ("", nevra):
            raise TrustError(f"describes itself as {nevra}, the repository calls it {one.nevra}")
        head.signatures()
    except CudepotError as error:
        return error
    return head


def _payload_fault(store: LocalStore, one: Subject, head: RpmHead | CudepotError) -> CudepotError | None:
    """Return why an rpm's payload is not the one its header means; None where it is, or its head is bad already."""
    if isinstance(head, CudepotError):
        return None
    try:
        with store.open(one.digest) as handle:
            check_payload(handle, head)
    except CudepotError as error:
        return error
    return None


def check_payload(handle: BinaryIO, head: RpmHead) -> None:
    """Raise TrustError when the payload of an rpm is not the one its header means; old headers do not say."""
    algorithm, said = head.payload_digest
    if algorithm:
        handle.seek(head.payload)
        found = _hashed(handle, algorithm)
        if found != said.lower():
            raise TrustError(f"its payload has {algorithm} {found}, its header says {said}")


def _hashed(payload: BinaryIO, algorithm: str) -> str:
    one = hashlib.new(algorithm)
    while chunk := payload.read(CHUNK):
        one.update(chunk)
    return one.hexdigest()

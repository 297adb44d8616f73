"""The yum part of ``cudepot verify --clients``: which dnf and yum clients refuse metadata, packages and keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot, Keyring, Signing
from cudepot.depot.key_files import keys_in_files
from cudepot.formats.rpm_header import SHA256, RpmHead, read_head
from cudepot.kinds.rules.checked_clients import Checked, checked, checked_key
from cudepot.kinds.yum.rules.client_rules import Of, judge_rpm_document, judge_rpm_key
from cudepot.kinds.yum.signatures import Subject, subjects
from cudepot.openpgp import PublicKey, packet_algorithms
from cudepot.ports import Verifier
from cudepot.signing.keys import parse_keys

_REPOMD = "/repodata/repomd.xml"


def check_yum(depot: Depot, lock: Lock) -> Iterator[Checked]:
    """Give the verdicts on pinned keys, on locked roots, and on the locked packages that are here."""
    for upstream in depot.config.upstreams:
        locked = lock.upstream(upstream.name)
        if upstream.type != "yum" and not (locked and lock.has_rpms(locked)):
            continue
        keys = keys_in_files(depot.base, upstream)
        today = depot.clock().date()
        for key in keys:
            if key.fingerprint in (*upstream.keys, *upstream.package_keys):
                yield checked_key(key, upstream.name, judge_rpm_key(key, today))
        if locked is not None:
            yield from _roots(depot, upstream, locked, keys)
            yield from _packages(depot, upstream, subjects(depot.config, depot.store, lock, locked), keys)


def _roots(depot: Depot, upstream: Upstream, locked: LockedUpstream, keys: Sequence[PublicKey]) -> Iterator[Checked]:
    for root in locked.roots:
        document, signature = depot.store.find(root.digest), depot.store.find(root.signature)
        if document is not None and signature is not None and upstream.keys:
            seen = depot.verifier(upstream).inspect(document, signature)
            verdicts = judge_rpm_document(seen, keys, depot.clock().date(), Of.METADATA)
            yield checked("root", locked.url + root.path, upstream.name, seen, verdicts)


def _packages(
    depot: Depot, upstream: Upstream, every: Sequence[Subject], keys: Sequence[PublicKey]
) -> Iterator[Checked]:
    """Judge one package of each kind: a repository has thousands, signed in one or two ways."""
    kinds: dict[tuple[object, ...], list[tuple[Subject, RpmHead]]] = {}
    for one in every:
        if depot.store.has(one.digest):
            with depot.store.open(one.digest) as handle:
                head = read_head(handle, what=one.path)
            if how := tuple(map(packet_algorithms, head.signatures())):
                kinds.setdefault((how, SHA256 in head.signature), []).append((one, head))
    verifier = depot.verifier(replace(upstream, keys=upstream.package_keys)) if kinds else None
    for (_, digested), alike in kinds.items():
        one, head = alike[0]
        assert verifier is not None
        seen = [found for packet in head.signatures() for found in verifier.inspect(head.header.raw, packet)]
        what = f"{len(alike)} packages, for example {one.path}" if len(alike) > 1 else one.path
        verdicts = judge_rpm_document(seen, keys, depot.clock().date(), Of.PACKAGE, digested=bool(digested))
        yield checked("packages", what, upstream.name, seen, verdicts)


def shown_yum(config: Config, keyring: Keyring, signing: Signing, snapshot: Snapshot) -> Iterator[Checked]:
    """Give the verdicts on the metadata the site shows, signed with its key or with the upstream's."""
    site_keys = parse_keys(signing.signer().public_key(armor=False))
    for path in sorted(snapshot.tree):
        if not (path.startswith("yum/") and path.endswith(f"{_REPOMD}.asc")):
            continue
        name = path.removeprefix("yum/").removesuffix(f"{_REPOMD}.asc")
        root, signature = (signing.store.find(snapshot.tree[one]) for one in (path.removesuffix(".asc"), path))
        theirs = [one for one in config.upstreams if one.name == name and one.keys]
        candidates: list[tuple[Verifier, Sequence[PublicKey]]] = [(keyring.site_verifier(), site_keys)]
        candidates += [(keyring.verifier(one), keys_in_files(keyring.base, one)) for one in theirs]
        for verifier, keys in candidates:
            seen = verifier.inspect(root or b"", signature)
            if any(one.signer for one in seen):
                verdicts = judge_rpm_document(seen, keys, signing.clock().date(), Of.METADATA)
                yield checked("site", path.removesuffix(".asc"), name, seen, verdicts)
                break

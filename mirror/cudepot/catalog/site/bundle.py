"""The manifest of a bundle: which snapshot it brings, from which one it starts, and what lies in which volume. Pure.

Format: ``docs/formats.md``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cudepot.catalog.fields import Table, digest_table
from cudepot.digest import Digest
from cudepot.errors import ConfigError, FormatError
from cudepot.fingerprints import fingerprint
from cudepot.formats.bundle_tar import BLOCK, END, FIRST, MOST, OBJECTS, tar_size
from cudepot.paths import safe_name
from cudepot_far.channels import FORGED, names_fault, tags_fault

FORMAT = "cudepot-bundle 1"
UNPACKING = "cudepot-bundle 2"
"""The format of a bundle some of whose objects are unpacked from others where it is imported."""
_FIXED = 16 << 10  # bytes of a volume for its signature and the head of its manifest, more than they ever need
SUMS_LINE = 140  # bytes of one line of SHA256SUMS
_EACH = 320  # bytes of a volume for one object's line in manifest and SHA256SUMS, likewise


@dataclass(frozen=True, slots=True)
class Link:
    """A snapshot by number and hash of its document; number 0 stands for nothing."""

    number: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class SignedRoot:
    """A root of an upstream as it travels: with its signature, the keys to check it, and the indexes it names."""

    upstream: str
    type: str
    path: str
    document: Digest
    signature: Digest | None
    keys: tuple[Digest, ...]
    indexes: tuple[tuple[str, Digest], ...]

    @property
    def objects(self) -> tuple[Digest, ...]:
        """Everything that is needed to check it."""
        signature = (self.signature,) if self.signature else ()
        return (self.document, *signature, *self.keys, *(one for _, one in self.indexes))


class Unpacked(NamedTuple):
    """An object that does not travel: what is unpacked to it, and for a patch what that is a patch of."""

    plain: Digest
    packed: Digest
    base: Digest | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle consists of.

    Attributes:
        signer: fingerprint of the site key that signs it.
        base: the snapshot the far side must have.
        number: of the snapshot it brings; ``document`` and ``signature`` are objects of the bundle.
        roots: what proves the upstreams' packages.
        volumes: members of each volume in order: objects, or pieces of objects.
        pieces: object too large for one volume → what it is to be joined from.
        unpacked: objects that do not travel, with what travels in their place.
        channels: what each channel of the site showed, the one that is published to first; none without channels.
        promotion: number of the last promotion: of two bundles, the one with the higher says what channels show.
        records: records of promotions that the far side may lack and their signatures, in order; None where the
            cudepot that wrote it sends none, or the site has no channels.
        tags: names of snapshots.
        chain: of what a site shows to its edges, the snapshots before this one, the oldest first.
    """

    signer: str
    base: Link
    number: int
    document: Digest
    signature: Digest
    roots: tuple[SignedRoot, ...]
    volumes: tuple[tuple[Digest, ...], ...]
    pieces: tuple[tuple[Digest, tuple[Digest, ...]], ...] = ()
    unpacked: tuple[Unpacked, ...] = ()
    channels: tuple[tuple[str, int], ...] = ()
    promotion: int = 0
    chain: tuple[Link, ...] = ()
    records: tuple[tuple[Digest, Digest], ...] | None = None
    tags: tuple[tuple[str, int], ...] = ()

    @property
    def link(self) -> Link:
        """The snapshot it brings."""
        return Link(self.number, self.document.sha256)


Cut = Callable[[Digest, int], Sequence[Digest]]
"""Tells the digests of an object's pieces of a given size."""


def plan_volumes(
    objects: Iterable[Digest], split: int, roots: int, cut: Cut
) -> tuple[tuple[tuple[Digest, ...], ...], tuple[tuple[Digest, tuple[Digest, ...]], ...]]:
    """Lay objects out in volumes of at most ``split`` bytes (0: one volume), ordered by hash.

    Args:
        objects: what is to travel.
        split: bytes a volume may have.
        roots: number of digests that name upstreams' roots, keys and indexes in the manifest.
        cut: cuts objects that are too large.

    Raises:
        ConfigError: ``split`` leaves no room beside the manifest, which every volume holds.
    """
    ordered = sorted(set(objects))
    fixed = _FIXED + len(END) + BLOCK * 2 * len(FIRST)
    large = sum(one.size for one in ordered) // split if split else 0
    room = split - fixed - _EACH * (len(ordered) + roots + 2 * large) if split else 0
    if split and room < split // 4:
        raise ConfigError(
            f"volumes of {split} bytes leave no room after the manifest of {len(ordered)} objects",
            hint="use a larger --split",
        )
    most = min(room - BLOCK, MOST) // BLOCK * BLOCK if split else MOST // BLOCK * BLOCK
    pieces = tuple((one, tuple(cut(one, most))) for one in ordered if one.size > most)
    replaced = dict(pieces)
    travelling = dict.fromkeys(part for one in ordered for part in replaced.get(one, (one,)))
    return _filled(travelling, room), pieces


def _filled(objects: Iterable[Digest], room: int) -> tuple[tuple[Digest, ...], ...]:
    volumes: list[list[Digest]] = [[]]
    left = room
    for one in objects:
        size = tar_size(one.size)
        if room and size > left and volumes[-1]:
            volumes.append([])
            left = room
        volumes[-1].append(one)
        left -= size
    return tuple(map(tuple, volumes))


def sums(manifest: bytes, signature: bytes, volume: Iterable[Digest]) -> bytes:
    """Return the SHA256SUMS of a volume, for people: ``sha256sum -c`` checks what ``tar`` unpacked."""
    own = ((FIRST[0], Digest.of(manifest)), (FIRST[1], Digest.of(signature)))
    rows = [*((one.sha256, name) for name, one in own), *((one.sha256, f"{OBJECTS}{one.sha256}") for one in volume)]
    return "".join(f"{sha256}  {name}\n" for sha256, name in rows).encode()


def render_manifest(manifest: Manifest) -> bytes:
    """Return the document; equal manifests give equal bytes."""
    document: dict[str, Any] = {
        "format": UNPACKING if manifest.unpacked else FORMAT,
        "signer": manifest.signer,
        "base": _link_table(manifest.base),
        "snapshot": {
            "number": manifest.number,
            "document": digest_table(manifest.document),
            "signature": digest_table(manifest.signature),
        },
        "roots": [_root_table(one) for one in manifest.roots],
        "volumes": [{"objects": [digest_table(one) for one in volume]} for volume in manifest.volumes],
        "pieces": [
            digest_table(one) | {"of": [digest_table(part) for part in parts]} for one, parts in manifest.pieces
        ],
    }
    if manifest.unpacked:
        document["unpacked"] = [_unpacked_table(one) for one in manifest.unpacked]
    if manifest.channels:
        document["channels"] = [{"name": name, "snapshot": number} for name, number in manifest.channels]
        document["promotion"] = manifest.promotion
    if manifest.records is not None:
        document["records"] = [
            {"document": digest_table(one), "signature": digest_table(by)} for one, by in manifest.records
        ]
    if manifest.tags:
        document["tags"] = dict(manifest.tags)
    if manifest.chain:
        document["chain"] = [_link_table(one) for one in manifest.chain]
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def parse_manifest(data: bytes, what: str) -> Manifest:
    """Return a manifest; raise ConfigError when it is malformed or of another format."""
    try:
        table = Table(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{what}: not JSON: {error}") from error
    found = table.text("format")
    if found.startswith("cudepot-backup "):
        raise ConfigError(f"{what}: is a backup, not a bundle", hint="`cudepot restore` takes it")
    if found not in (FORMAT, UNPACKING):
        raise ConfigError(
            f"{what}: format {found!r}; this cudepot reads {UNPACKING!r}", hint="use a newer cudepot here"
        )
    base, snapshot = table.table("base"), table.table("snapshot")
    return Manifest(
        fingerprint(table.text("signer")),
        _link(base),
        snapshot.integer("number", low=1, high=999_999),
        snapshot.table("document").digest(),
        snapshot.table("signature").digest(),
        tuple(_root(one) for one in table.tables("roots")),
        tuple(_digests(one, "objects") for one in table.tables("volumes")),
        tuple((one.digest(), _digests(one, "of")) for one in table.tables("pieces")),
        tuple(_unpacked(one) for one in table.tables("unpacked")),
        _channels(table, what),
        table.integer("promotion", 0),
        tuple(_link(one) for one in table.tables("chain")),
        _records(table),
        _tags(table, what),
    )


def _channels(table: Table, what: str) -> tuple[tuple[str, int], ...]:
    """Return what channels show; their names become links on the far side, so they are looked at first."""
    found = tuple((one.text("name"), one.integer("snapshot", low=1, high=999_999)) for one in table.tables("channels"))
    _refuse(what, "channels", names_fault([name for name, _ in found]))
    return found


def _records(table: Table) -> tuple[tuple[Digest, Digest], ...] | None:
    if not table.has("records"):
        return None
    pairs = ((one.table("document"), one.table("signature")) for one in table.tables("records"))
    return tuple((document.digest(), signature.digest()) for document, signature in pairs)


def _tags(table: Table, what: str) -> tuple[tuple[str, int], ...]:
    tags = table.table("tags") if table.has("tags") else Table({})
    found = tuple((name, tags.integer(name, low=1, high=999_999)) for name in sorted(tags.names()))
    _refuse(what, "tags", tags_fault(name for name, _ in found))
    return found


def _refuse(what: str, key: str, fault: str) -> None:
    if fault:
        raise FormatError(f"{what}: {key!r} {fault}", hint=FORGED)


def _link(table: Table) -> Link:
    return Link(table.integer("number"), table.text("sha256"))


def _link_table(one: Link) -> dict[str, Any]:
    return {"number": one.number, "sha256": one.sha256}


def _root(table: Table) -> SignedRoot:
    indexes = table.table("indexes")
    return SignedRoot(
        table.text("upstream"),
        table.text("type"),
        safe_name(table.text("path")),
        table.table("document").digest(),
        table.table("signature").digest() if table.has("signature") else None,
        _digests(table, "keys"),
        tuple((path, indexes.table(path).digest()) for path in indexes.names()),
    )


def _root_table(root: SignedRoot) -> dict[str, Any]:
    table: dict[str, Any] = {"upstream": root.upstream, "type": root.type, "path": root.path}
    table |= {"document": digest_table(root.document), "keys": [digest_table(one) for one in root.keys]}
    table["indexes"] = {path: digest_table(one) for path, one in root.indexes}
    return table | ({"signature": digest_table(root.signature)} if root.signature else {})


def _unpacked(table: Table) -> Unpacked:
    base = table.table("base").digest() if table.has("base") else None
    return Unpacked(table.digest(), table.table("from").digest(), base)


def _unpacked_table(one: Unpacked) -> dict[str, Any]:
    table = digest_table(one.plain) | {"from": digest_table(one.packed)}
    return table | ({"base": digest_table(one.base)} if one.base else {})


def _digests(table: Table, key: str) -> tuple[Digest, ...]:
    return tuple(one.digest() for one in table.tables(key))


@dataclass(frozen=True, slots=True)
class Want:
    """What a far side asks for.

    Attributes:
        site: fingerprint of the site key it mirrors.
        snapshots: what it has.
        pending: snapshots of which it holds all but ``objects``.
        objects: what it lacks of these and of those it has.
    """

    site: str
    snapshots: tuple[Link, ...]
    pending: tuple[Link, ...]
    objects: tuple[Digest, ...]


WANT = "cudepot-want 1"


def want_json(want: Want) -> dict[str, Any]:
    """Return the document of a want-list."""
    return {
        "format": WANT,
        "site": want.site,
        "snapshots": [_link_table(one) for one in want.snapshots],
        "pending": [_link_table(one) for one in want.pending],
        "objects": [digest_table(one) for one in want.objects],
    }


def parse_want(document: Mapping[str, object], what: str) -> Want:
    """Return a want-list; raise ConfigError when it is malformed or of another format."""
    table = Table(document)
    if table.text("format") != WANT:
        raise ConfigError(f"{what}: format {table.text('format')!r}; this cudepot reads {WANT!r}")
    links = {key: tuple(_link(one) for one in table.tables(key)) for key in ("snapshots", "pending")}
    return Want(fingerprint(table.text("site")), links["snapshots"], links["pending"], _digests(table, "objects"))

"""The manifest of a bundle and the document of a snapshot as values. Pure. Formats: ``docs/formats.md``."""

import re
from typing import Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Tuple

from cudepot_far.channels import FORGED, Record, Told, names_fault, tags_fault
from cudepot_far.errors import ConfigError, FormatError
from cudepot_far.values import (
    Digest,
    Table,
    digest,
    digest_of,
    digests,
    integer,
    parse_json,
    plain,
    safe_name,
    table_of,
    tables,
    text,
    texts,
)

BUNDLES = ("cudepot-bundle 1", "cudepot-bundle 2")
SNAPSHOT, PROMOTION = "cudepot-snapshot 1", "cudepot-promotion 1"
MOST = 999999  # the last number of a snapshot, or of a record
_KEY = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_NEWER = "only a newer cudepot reads this: bring the file cudepot-far.pyz of the near side's cudepot over"


class Link(NamedTuple):
    """A snapshot by number and hash of its document; number 0 stands for nothing."""

    number: int
    sha256: str


class SignedRoot(NamedTuple):
    """A root of an upstream as it travels: with its signature, the keys to check it, and the indexes it names."""

    upstream: str
    type: str
    path: str
    document: Digest
    signature: Optional[Digest]
    keys: List[Digest]
    indexes: List[Tuple[str, Digest]]


class Unpacked(NamedTuple):
    """An object that does not travel: what is unpacked to it, and for a patch what that is a patch of."""

    plain: Digest
    packed: Digest
    base: Optional[Digest]


class Manifest(NamedTuple):
    """What a bundle consists of: as cudepot's own value of that name; ``records`` are empty where none are sent."""

    signer: str
    base: Link
    number: int
    document: Digest
    signature: Digest
    roots: List[SignedRoot]
    volumes: List[List[Digest]]
    pieces: List[Tuple[Digest, List[Digest]]]
    unpacked: List[Unpacked]
    told: Told
    records: List[Tuple[Digest, Digest]]

    @property
    def link(self) -> Link:
        """The snapshot it brings."""
        return Link(self.number, self.document.sha256)


def parse_manifest(data: bytes, what: str) -> Manifest:
    """Return a manifest; raise ConfigError when it is malformed or of another format."""
    table = parse_json(data, what)
    found = text(table, "format", what)
    if found.startswith("cudepot-backup "):
        raise ConfigError(f"{what}: is a backup, not a bundle", "only the full cudepot restores it")
    if found not in BUNDLES:
        raise ConfigError(f"{what}: format {found!r}; this file reads {BUNDLES[-1]!r}", _NEWER)
    base, snapshot = table_of(table, "base", what), table_of(table, "snapshot", what)
    return Manifest(
        fingerprint(text(table, "signer", what)),
        Link(integer(base, "number", what), text(base, "sha256", what)),
        integer(snapshot, "number", what, 1, MOST),
        digest(table_of(snapshot, "document", what), what),
        digest(table_of(snapshot, "signature", what), what),
        [_root(one, what) for one in tables(table, "roots", what)],
        [digests(one, "objects", what) for one in tables(table, "volumes", what)],
        [(digest(one, what), digests(one, "of", what)) for one in tables(table, "pieces", what)],
        [_unpacked(one, what) for one in tables(table, "unpacked", what)],
        _told(table, integer(snapshot, "number", what, 1, MOST), what),
        [_record(one, what) for one in tables(table, "records", what)],
    )


def _told(table: Table, number: int, what: str) -> Told:
    """Return what it says of channels and tags; their names become links here, so they are looked at first."""
    channels = [
        (text(one, "name", what), integer(one, "snapshot", what, 1, MOST)) for one in tables(table, "channels", what)
    ]
    tags = table_of(table, "tags", what) if "tags" in table else {}
    for key, fault in (("channels", names_fault([name for name, _ in channels])), ("tags", tags_fault(tags))):
        if fault:
            raise FormatError(f"{what}: {key!r} {fault}", FORGED)
    promotion = integer(table, "promotion", what) if "promotion" in table else 0
    return Told(
        tuple(channels), promotion, number, tuple((name, integer(tags, name, what, 1, MOST)) for name in sorted(tags))
    )


def _record(table: Table, what: str) -> Tuple[Digest, Digest]:
    return digest(table_of(table, "document", what), what), digest(table_of(table, "signature", what), what)


def parse_record(data: bytes, what: str) -> Record:
    """Return what counts of a promotion's record; raise ConfigError when it is malformed or of another format."""
    table = parse_json(data, what)
    found = text(table, "format", what)
    if found != PROMOTION:
        raise ConfigError(f"{what}: format {found!r}; this file reads {PROMOTION!r}", _NEWER)
    return Record(
        integer(table, "number", what, 1, MOST),
        text(table, "parent", what),
        text(table, "channel", what),
        integer(table, "snapshot", what, 1, MOST),
        digest_of(data).sha256,
    )


def _root(table: Table, what: str) -> SignedRoot:
    indexes = table_of(table, "indexes", what)
    return SignedRoot(
        text(table, "upstream", what),
        text(table, "type", what),
        safe_name(text(table, "path", what)),
        digest(table_of(table, "document", what), what),
        digest(table_of(table, "signature", what), what) if "signature" in table else None,
        digests(table, "keys", what),
        [(path, digest(table_of(indexes, path, what), what)) for path in indexes],
    )


def _unpacked(table: Table, what: str) -> Unpacked:
    base = digest(table_of(table, "base", what), what) if "base" in table else None
    return Unpacked(digest(table, what), digest(table_of(table, "from", what), what), base)


def sums(manifest: bytes, signature: bytes, volume: Iterable[Digest]) -> bytes:
    """Return the ``SHA256SUMS`` of a volume."""
    rows = [(digest_of(manifest).sha256, "manifest.json"), (digest_of(signature).sha256, "manifest.json.asc")]
    rows += [(one.sha256, "objects/" + one.sha256) for one in volume]
    return "".join("{}  {}\n".format(*row) for row in rows).encode()


def fingerprint(written: str) -> str:
    """Return a full fingerprint, upper case without blanks; raise ConfigError for key ids and anything else."""
    clean = written.replace(" ", "").upper()
    clean = clean[2:] if clean.startswith("0X") else clean
    if not _KEY.fullmatch(clean):
        raise ConfigError(f"{written!r} is not a full OpenPGP fingerprint", "give all 40 digits; key ids can be forged")
    return clean


class Upstream(NamedTuple):
    """What a snapshot says of one upstream: its roots (path, digest, signers), and files beside that nobody signs."""

    name: str
    type: str
    roots: List[Tuple[str, Digest, List[str]]]
    extras: FrozenSet[Digest]


class Snapshot(NamedTuple):
    """One state of a site: see cudepot's own value of that name."""

    number: int
    created: str
    signer: str
    parent: str
    lock: Digest
    upstreams: List[Upstream]
    tree: Dict[str, Digest]


def parse_snapshot(data: bytes, what: str) -> Snapshot:
    """Return a snapshot; raise ConfigError when it is malformed or of another format."""
    table = parse_json(data, what)
    found = text(table, "format", what)
    if found != SNAPSHOT:
        raise ConfigError(f"{what}: format {found!r}; this file reads {SNAPSHOT!r}", _NEWER)
    tree = table_of(table, "tree", what)
    for path in tree:
        if not plain(path):
            raise ConfigError(f"{what}: {path!r} is not a plain path")
    return Snapshot(
        integer(table, "number", what, 1),
        text(table, "created", what),
        text(table, "signer", what),
        text(table, "parent", what),
        digest(table_of(table, "lock", what), what),
        [_upstream(one, what) for one in tables(table, "upstreams", what)],
        {path: digest(table_of(tree, path, what), f"{what}: {path}") for path in tree},
    )


def _upstream(table: Table, what: str) -> Upstream:
    roots = [
        (text(one, "path", what), digest(one, what), texts(one, "signers", what)) for one in tables(table, "root", what)
    ]
    extras = [one for one in tables(table, "file", what) if one.get("role") == "extra"]
    return Upstream(
        text(table, "name", what), text(table, "type", what), roots, frozenset(digest(one, what) for one in extras)
    )

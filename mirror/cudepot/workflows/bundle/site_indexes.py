"""What the site's own indexes of an upstream offer to clients, read so that no client can read something else there.

The far side of an air gap asks this: whoever holds the site's key signs these indexes. Whatever no cudepot writes, and
some client might follow all the same, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, cast

from cudepot.catalog.lock import LockedUpstream
from cudepot.catalog.site.bundle import SignedRoot
from cudepot.catalog.site.snapshot import Tree
from cudepot.depot.depot import Depot
from cudepot.depot.upstream_session import INDEX_LIMIT, METADATA_LIMIT
from cudepot.digest import Digest, Promise, VerifyingReader
from cudepot.errors import FormatError, TrustError
from cudepot.formats.apt_listing import listing_of_ours as debs_of_ours
from cudepot.formats.apt_release import parse_release
from cudepot.formats.compression import decompressed
from cudepot.formats.primary import listing_of_ours as rpms_of_ours
from cudepot.formats.repomd import parse_repomd_of_ours
from cudepot.kinds.yum.rules.plan import ENDINGS

ROOTS = ("InRelease", "Release", "repomd.xml")
"""Where clients of a repository begin."""
ROOMS = ("apt", "yum")
"""Folders of a site in which repositories lie."""
HINT = "the near side, or the bundle, is not to be trusted: do not import it"
_TYPES = {"primary", "filelists", "other", *ENDINGS}
_FIELD = re.compile(rb"^([!-9;-~]+):", re.MULTILINE)
_OTHER_HASHES = {b"md5sum", b"sha1", b"sha512"}
Verified = Mapping[SignedRoot, bytes]
"""Roots of an upstream whose signature held, with the text that was signed."""


def below(tree: Tree, upstream: LockedUpstream) -> Iterator[tuple[str, Digest]]:
    """Give path and content of what a snapshot shows as that upstream's repositories."""
    folders = tuple(f"{room}/{upstream.name}/" for room in ROOMS)
    return ((path, digest) for path, digest in tree.items() if path.startswith(folders))


def own_roots(tree: Tree, upstream: LockedUpstream) -> dict[str, Digest]:
    """Return the roots shown as that upstream's which are not, byte for byte, a root it sent."""
    sent = {root.digest for root in upstream.roots}
    return {
        path: one for path, one in below(tree, upstream) if path.rpartition("/")[2] in ROOTS and one not in sent
    }  # fmt: skip


def offered(depot: Depot, tree: Tree, upstream: LockedUpstream, verified: Verified) -> set[Digest]:
    """Return every package that the site's own indexes of an upstream name: whatever it is called, wherever it lies.

    Raises:
        TrustError: an index is not as cudepot writes it, or names a package by a weak hash or none.
    """
    found: set[Digest] = set()
    seen: set[Digest | Promise] = set()
    for path, digest in own_roots(tree, upstream).items():
        try:
            if path.endswith(".xml"):
                found |= _rpms(depot, path, digest)
            elif not _said_upstream(depot, path, digest, verified):
                found |= _debs(depot, path, digest, seen)
        except FormatError as error:
            raise TrustError(f"{path}: is not as cudepot writes it: {error}", hint=HINT) from error
    return found


def _said_upstream(depot: Depot, path: str, digest: Digest, verified: Verified) -> bool:
    """Tell whether a ``Release`` says what the upstream's own ``InRelease`` does, as in a whole mirror it has to."""
    if path.rpartition("/")[2] != "Release":
        return False
    text = depot.store.read(digest)
    found = parse_release(text, path).fields
    said = [parse_release(signed, root.path).fields for root, signed in verified.items() if root.type == "apt"]
    return found in said and not _twice(text)


def _twice(text: bytes) -> bool:
    names = [name.lower() for name in _FIELD.findall(text)]
    return len(set(names)) != len(names)


def _debs(depot: Depot, path: str, digest: Digest, seen: set[Digest | Promise]) -> set[Digest]:
    """Return what a Release and its indexes name; those ``seen`` in its other form are not read again."""
    document = depot.store.read(digest)
    inline = path.endswith("InRelease")
    text = depot.site_verifier().clearsigned(document, path).text if inline else document
    if _twice(text) or {name.lower() for name in _FIELD.findall(text)} & _OTHER_HASHES:
        raise FormatError("has a field twice, or other sums than SHA256")
    found: set[Digest] = set()
    for name, one in parse_release(text, path).promised().items():
        if name.rpartition("/")[2].partition(".")[0] != "Packages":
            raise FormatError(f"names {name[:80]!r}")
        found |= _listed(depot, "apt", one, f"{path}: {name}") if one not in seen else set()
        seen.add(one)
    return found


def _rpms(depot: Depot, path: str, digest: Digest) -> set[Digest]:
    records = parse_repomd_of_ours(depot.store.read(digest), path).records
    strange = [one.type for one in records if one.type not in _TYPES]
    if strange:
        raise FormatError(f"has metadata of type {strange[0][:40]!r}")
    (primary,) = (one for one in records if one.type == "primary")
    return _listed(depot, "yum", primary.promised, f"{path}: {primary.href}")


def _listed(depot: Depot, kind: str, index: Digest | Promise, what: str) -> set[Digest]:
    """Return the packages of one index, which is hashed again while it is read; none where nobody can fetch it."""
    if not isinstance(index, Digest):
        raise FormatError(f"{what}: known by sha512 only")
    if not depot.store.has(index):
        return set()
    lines, limit = (rpms_of_ours, METADATA_LIMIT) if kind == "yum" else (debs_of_ours, INDEX_LIMIT)
    with depot.store.open(index) as handle:
        checked = cast(BinaryIO, VerifyingReader(handle, index, what))
        with decompressed(checked, what, limit=limit) as text:
            found = {one for _, one in lines(text, what)}
    if not all(isinstance(one, Digest) for one in found):
        raise FormatError(f"{what}: knows a package without its sha256")
    return {one for one in found if isinstance(one, Digest)}

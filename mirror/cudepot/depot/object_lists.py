"""The store's lists of what its snapshots name, so that neither ``gc`` nor ``snapshots`` reads hundreds of trees again.

A list answers for a snapshot whose document and signature are the very files that were checked when it was made. It is
made with the snapshot, or when ``gc`` had to read that. Losing them costs reading the trees once more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from cudepot.catalog.config.site import Site
from cudepot.catalog.site.diff import count_packages
from cudepot.catalog.site.object_lists import (
    ObjectList,
    digest_of,
    follow,
    for_those,
    name_of,
    parse_lists,
    render_lists,
)
from cudepot.catalog.site.snapshot import Snapshot, parse_head, tree_objects
from cudepot.depot.history import History, check_number
from cudepot.digest import Digest
from cudepot.errors import CudepotError
from cudepot.store.layout import OBJECT_LISTS
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile


class Signed(NamedTuple):
    """A snapshot with its document and the signature that holds."""

    snapshot: Snapshot
    document: bytes
    signature: bytes


def recall_lists(store: LocalStore) -> list[ObjectList]:
    """Return all lists in order; none where they are damaged."""
    found = _file(store).recall()
    try:
        return parse_lists(found) if found else []
    except CudepotError:
        return []


def holding(store: LocalStore, site: Site, lists: Iterable[ObjectList]) -> set[int]:
    """Return the numbers of those snapshots whose files are as they were, and whose signer still counts."""
    trusted = {site.key, *site.former_keys, site.origin}
    return {one.snapshot for one in lists if one.signer in trusted and _holds(store, one)}


def _holds(store: LocalStore, one: ObjectList) -> bool:
    return store.snapshots.holds(one.snapshot, digest_of(one.document), digest_of(one.signature))


def lists_for(store: LocalStore, site: Site, history: History, numbers: Collection[int]) -> list[ObjectList]:
    """Return a list for each of some snapshots, in order, the first one with all it names; what has none is read.

    Raises:
        TrustError: one was changed or signed by another key.
    """
    known = recall_lists(store)
    answered = holding(store, site, (one for one in known if one.snapshot in numbers))
    if answered.issuperset(numbers):
        return list(for_those(known, numbers))
    return list(_read(history, known, answered, sorted(numbers)))


def _read(
    history: History, known: Sequence[ObjectList], answered: Collection[int], numbers: Iterable[int]
) -> Iterator[ObjectList]:
    left, listed, before = list(reversed(known)), set[str](), set[str]()
    for number in numbers:
        while left and left[-1].snapshot <= number:
            last = left.pop()
            follow(listed, last)
        made, now = (last, set(listed)) if number in answered else _of_document(history, number)
        yield made._replace(came=sorted(now - before), went=sorted(before - now))
        before = now


def _of_document(history: History, number: int) -> tuple[ObjectList, set[str]]:
    what, (document, signature) = str(history.documents.path(number)), history.signed(number)
    head = parse_head(document, what)
    check_number(what, head.number, number)
    made = ObjectList(number, name_of(Digest.of(document)), name_of(Digest.of(signature)), head.signer, (), ())
    return made, set(map(name_of, tree_objects(document, what, set())))


def note_list(store: LocalStore, signed: Signed) -> None:
    """Add the list of a new snapshot; one that is older than the last list gets none."""
    lists, snapshot, before = recall_lists(store), signed.snapshot, set[str]()
    if lists and snapshot.number <= lists[-1].snapshot:
        return
    for one in lists:
        follow(before, one)
    now = set(map(name_of, snapshot.tree.values()))
    document, signature = map(name_of, (Digest.of(signed.document), Digest.of(signed.signature)))
    new = ObjectList(
        snapshot.number, document, signature, snapshot.signer, sorted(now - before), sorted(before - now),
        len(snapshot.tree), count_packages(snapshot.tree),
    )  # fmt: skip
    _write(store, [*lists, new], [new])


def keep_lists(store: LocalStore, lists: Sequence[ObjectList]) -> None:
    """Keep these lists and no others."""
    _write(store, lists, lists)


def _write(store: LocalStore, lists: Iterable[ObjectList], fresh: Iterable[ObjectList]) -> None:
    _file(store).write(render_lists(lists))
    for one in fresh:
        store.snapshots.mark(one.snapshot, digest_of(one.document))


def _file(store: LocalStore) -> SealedFile:
    return SealedFile(store.at(OBJECT_LISTS), indent=None)

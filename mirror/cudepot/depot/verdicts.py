"""What proving a repository found, remembered in ``proofs.json`` of the store: the same thing is not proved twice."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

from cudepot.catalog.unsolvable import Unsolvable
from cudepot.digest import hexdigest
from cudepot.errors import StorageError
from cudepot.store.layout import PROOFS
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile


class Verdict(NamedTuple):
    """What was found of a repository.

    Attributes:
        unsolvable: what no client could install.
        foreign: names that another repository has to provide; conda channels have such.
    """

    unsolvable: tuple[Unsolvable, ...] = ()
    foreign: tuple[str, ...] = ()


def verdict(store: LocalStore, place: str, grounds: Sequence[object], prove: Callable[[], Verdict]) -> Verdict:
    """Return what is known of a repository, or prove it now and remember that.

    Args:
        store: the store.
        place: of the repository on the site: ``apt/NAME``, ``yum/NAME``, ``conda/NAME``.
        grounds: all that the verdict depends on, as JSON has it: the version of the proof, hashes, settings.
        prove: finds out.
    """
    key = hexdigest(json.dumps(list(grounds)).encode())
    known = _known(store, place)
    if known is not None and known[0] == key:
        return known[1]
    found = prove()
    every = {**_remembered(store), place: [key, found.unsolvable, found.foreign]}
    with contextlib.suppress(StorageError):  # a store that cannot be written: the next run proves again
        SealedFile(store.at(PROOFS)).write({"repositories": every})
    return found


def last_verdict(store: LocalStore, place: str) -> Verdict | None:
    """Return what was found of a repository last, whatever it had then; None where that is not known."""
    known = _known(store, place)
    return known[1] if known else None


def _remembered(store: LocalStore) -> dict[str, object]:
    """Return what is remembered, by place; nothing of a document that is damaged."""
    found = SealedFile(store.at(PROOFS)).recall().get("repositories")
    return found if isinstance(found, dict) else {}


def _known(store: LocalStore, place: str) -> tuple[str, Verdict] | None:
    """Return the hash of the grounds, and what was found on them; None where that is not known."""
    try:
        key, rows, foreign = cast("tuple[str, list[list[str]], list[str]]", _remembered(store)[place])
        return key, Verdict(tuple(Unsolvable(*map(str, row)) for row in rows), tuple(map(str, foreign)))
    except (ValueError, KeyError, TypeError):
        return None

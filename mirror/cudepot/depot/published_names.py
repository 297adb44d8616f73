"""The store's record of every conda package and wheel that was ever published: ``published.log``.

It is made from the snapshots, one line for each, and outlives them: what `gc` removed is still known. A line that is
missing, of a crash or an older cudepot, is made up for from the snapshot as long as that is there.
"""

from __future__ import annotations

from collections.abc import Iterator

from cudepot.catalog.lock import Lock
from cudepot.catalog.site.names import Shown, check_names, fresh, known, may_name, names_of, parse_shown, render_shown
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.history import History
from cudepot.errors import CudepotError, TrustError
from cudepot.store.local import LocalStore


def known_names(store: LocalStore, history: History) -> dict[str, list[str]]:
    """Return every name that was ever shown with its sha256, the latest last.

    Raises:
        CudepotError: the record was changed since it was written.
    """
    return known(_complete(history, _read(store)))


def record_names(store: LocalStore, history: History) -> None:
    """Bring the record up to the newest snapshot; raise CudepotError as :func:`known_names` does."""
    before = _read(store)
    record = _complete(history, before)
    if len(record) != len(before):
        _write(store, record)


def check_imported(store: LocalStore, history: History, snapshot: Snapshot, lock: Lock) -> None:
    """Refuse a snapshot of a bundle that gives other bytes to a name; raise TrustError.

    The snapshots between it and the last one here may not have come, so of a change the near side accepted only the
    outcome counts.
    """
    before = known_names(store, history)
    taken = {one.digest.sha256 for one in lock.artifacts if one.replaces}
    try:
        check_names(snapshot.tree, before, {(old[-1], one) for old in before.values() for one in taken})
    except TrustError as error:
        raise TrustError(
            f"snapshot {snapshot.number}: {error}",
            hint="the near side has lost its record of what it published: ask there before continuing",
        ) from error


def name_faults(store: LocalStore, history: History) -> Iterator[tuple[int, str]]:
    """Give the number of each line of the record that does not hold, counted from 1, and what is wrong with it."""
    log, readable = store.published_log, dict[int, Shown]()
    for number, line in enumerate(log.lines(), 1):
        try:
            readable[number] = parse_shown(line, f"{log.path}, line {number}")
        except CudepotError as error:
            yield number, str(error)
    names = known(readable.values())
    for number, shown in readable.items():
        tree = _names(history, shown.snapshot)
        if tree is not None and (shown.names.items() - tree.items() or fresh(tree, names)):
            yield number, f"{log.path}, line {number}: does not match snapshot {shown.snapshot}"


def mend_names(store: LocalStore, history: History) -> Iterator[str]:
    """Take out the lines that do not hold, and make up for them from the snapshots that are there."""
    bad = {number for number, _ in name_faults(store, history)}
    if bad:
        log = store.published_log
        lines = {number: line for number, line in enumerate(log.lines(), 1) if number not in bad}
        record = [parse_shown(line, f"{log.path}, line {number}") for number, line in lines.items()]
        whole = _complete(history, record)
        _write(store, whole)
        lost = max(0, len(bad) - (len(whole) - len(record)))
        yield f"{log.path}: {len(bad)} damaged lines taken out, {lost} of them from snapshots that are gone"


def _complete(history: History, record: list[Shown]) -> list[Shown]:
    """Return the record with a line for every snapshot of the store; one that does not hold tells nothing."""
    there = {one.snapshot for one in record}
    missing = [one for one in history.numbers() if one not in there]
    before = known(record) if missing else {}
    whole = list(record)
    for number in missing:
        tree = _names(history, number)
        if tree is not None:
            whole.append(Shown(number, fresh(tree, before)))
            for name, sha256 in whole[-1].names.items():
                before.setdefault(name, []).append(sha256)
    return whole


def _names(history: History, number: int) -> dict[str, str] | None:
    """Return the names a snapshot shows; None when it is gone or its signature does not hold."""
    try:
        document, _ = history.signed(number)
        return names_of(history.load(number).tree) if may_name(document) else {}
    except CudepotError:
        return None


def _read(store: LocalStore) -> list[Shown]:
    log = store.published_log
    return [parse_shown(line, f"{log.path}, line {number}") for number, line in enumerate(log.lines(), 1)]


def _write(store: LocalStore, record: list[Shown]) -> None:
    ordered = sorted(record, key=lambda one: one.snapshot)
    store.published_log.rewrite(map(render_shown, ordered))

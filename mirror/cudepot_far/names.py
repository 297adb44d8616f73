"""Which bytes each conda package and wheel was ever shown with: a name that was shown never gets others.

The record is cudepot's ``published.log``: a line for each snapshot, which outlives it.
"""

import json
import os
from typing import Dict, List, Tuple

from cudepot_far.disk import write_atomic
from cudepot_far.errors import ConfigError, FormatError, StorageError
from cudepot_far.manifest import Snapshot, parse_snapshot
from cudepot_far.sealed import sealed, unsealed
from cudepot_far.store import Store
from cudepot_far.values import Digest, integer, table_of

_CONDA = ("conda/", (".conda", ".tar.bz2"))
_WHEELS = ("wheels/", (".whl", ".tar.gz", ".zip"))
Record = List[Tuple[int, Dict[str, str]]]
"""Number of a snapshot, and the names that were new in it, with their sha256."""


def names_of(tree: Dict[str, Digest]) -> Dict[str, str]:
    """Return the packages of a site that are known by name: ``SUBDIR/FILE.conda``, ``FILE.whl``."""
    found = {}
    for path in sorted(tree):
        if path.startswith(_CONDA[0]) and path.endswith(_CONDA[1]):
            found["/".join(path.split("/")[-2:])] = tree[path].sha256
    for path in sorted(tree):
        if path.startswith(_WHEELS[0]) and path.endswith(_WHEELS[1]):
            found[path.split("/", 1)[1]] = tree[path].sha256
    return found


def check_names(store: Store, snapshot: Snapshot) -> None:
    """Refuse a snapshot that gives other bytes to a name that was ever shown here.

    Raises:
        ConfigError: it does so. The near side may have accepted that; its lock says so, which only cudepot reads.
    """
    before = _known(_complete(store))
    for name, sha256 in names_of(snapshot.tree).items():
        if name in before and sha256 not in before[name]:
            raise ConfigError(
                f"snapshot {snapshot.number}: {name} was shown here with sha256 {before[name][-1]} and would become "
                f"{sha256}: whether the near side accepted that is in its lock, which this file does not read",
                "ask the near side; only the full cudepot can import this bundle",
            )


def record_names(store: Store) -> None:
    """Bring the record up to the newest snapshot."""
    record = _complete(store)
    if len(record) == len(_read(store)):
        return
    lines = (sealed({"snapshot": number, "names": names}) for number, names in sorted(record, key=lambda one: one[0]))
    text = "".join(json.dumps(one, sort_keys=True) + "\n" for one in lines)
    write_atomic(store.at("published.log"), text.encode())


def _known(record: Record) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    for _, names in sorted(record, key=lambda one: one[0]):
        for name, sha256 in names.items():
            found.setdefault(name, []).append(sha256)
    return found


def _complete(store: Store) -> Record:
    """Return the record with what it lacks, which the snapshots say."""
    record = _read(store)
    there, before = {number for number, _ in record}, _known(record)
    for number in store.numbers():
        if number not in there:
            tree = parse_snapshot(store.snapshot(number)[0], f"snapshot {number}").tree
            names = {name: one for name, one in names_of(tree).items() if one not in before.get(name, [])}
            record.append((number, names))
            for name, sha256 in names.items():
                before.setdefault(name, []).append(sha256)
    return record


def _read(store: Store) -> Record:
    path = store.at("published.log")
    if not os.path.exists(path):
        return []
    try:
        with open(path, "rb") as handle:
            lines = handle.read().splitlines()
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", "check the owner and mode of the store") from error
    return [_line(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]


def _line(line: bytes, what: str) -> Tuple[int, Dict[str, str]]:
    table = unsealed(line, what)
    try:
        names = table_of(table, "names", what)
        return integer(table, "snapshot", what, 1), {str(name): str(one) for name, one in names.items()}
    except ConfigError as error:
        raise FormatError(str(error), "the full cudepot repairs it: cudepot verify --repair") from error

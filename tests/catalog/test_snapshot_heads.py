"""What of a snapshot's document is read without parsing its tree: the same as what parsing gives."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from cudepot.catalog.site.snapshot import Named, Snapshot, parse_head, parse_snapshot, render_snapshot, tree_objects
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.store.snapshots import Snapshots


def _digest(text: str) -> Digest:
    return Digest(hashlib.sha256(text.encode()).hexdigest(), len(text))


def _document(*texts: str, rollback: int = 0, channel: str = "") -> bytes:
    tree = {f"files/{one}": _digest(one) for one in texts}
    made = Snapshot(7, "2026-11-29T00:00:00Z", "F" * 40, "ab", _digest("lock"), (), tree, rollback, channel)
    return render_snapshot(made)


ODD = ("sha256", 'a", "tree": {', "é", '"sha256": "' + "0" * 64 + '", "size": 1')
DOCUMENTS = {
    "plain": _document("a", "bb", "ccc"),
    "empty tree": _document(),
    "rolled back for a channel": _document("a", rollback=3, channel="prod"),
    "names like keys": _document(*ODD),
    "keys in another order": json.dumps(dict(reversed(json.loads(_document("a", "bb")).items()))).encode(),
    "on one line": json.dumps(json.loads(_document("a", "bb"))).encode(),
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_head_and_objects_are_those_of_the_parsed_snapshot(document: bytes, tmp_path: Path) -> None:
    whole = parse_snapshot(document, "snapshot 7")
    snapshots = Snapshots(tmp_path)
    (tmp_path / "snapshots").mkdir()
    snapshots.add(7, document, b"signature")
    for begin in (document, snapshots.head(7)):
        head = parse_head(begin, "snapshot 7")
        assert (head.number, head.created, head.lock) == (whole.number, whole.created, whole.lock)
        assert (head.rollback, head.channel) == (whole.rollback, whole.channel)
    assert set(tree_objects(document, "snapshot 7", set())) == set(whole.tree.values())


def test_the_beginning_of_a_large_document_is_enough(tmp_path: Path) -> None:
    document = _document(*map(str, range(2000)))
    snapshots = Snapshots(tmp_path)
    (tmp_path / "snapshots").mkdir()
    snapshots.add(7, document, b"signature")
    assert len(snapshots.head(7)) < len(document) // 10
    assert parse_head(snapshots.head(7), "snapshot 7").number == 7


def test_objects_seen_before_are_not_given_again() -> None:
    seen: Named = set()
    assert len(list(tree_objects(_document("a", "bb"), "first", seen))) == 2
    assert list(tree_objects(_document("a", "ccc"), "second", seen)) == [_digest("ccc")]


def test_a_document_without_a_tree_is_no_snapshot() -> None:
    with pytest.raises(ConfigError):
        list(tree_objects(b'{\n "format": "cudepot-snapshot 1"\n}\n', "snapshot 7", set()))

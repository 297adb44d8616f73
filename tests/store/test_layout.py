"""The one list of a store's files: what is read from it, and that nothing stands beside it."""

from __future__ import annotations

import ast
from pathlib import Path

import cudepot
from cudepot.digest import Digest, Promise, hexdigest
from cudepot.store.layout import LAYOUT, ROLLBACK, RPM_SIGNATURES
from cudepot.store.local import LocalStore
from cudepot.store.overlay import dry_run
from cudepot.store.sealed_file import SealedFile
from cudepot.workflows.gc import NAMED

ROOT = Path(cudepot.__file__).parent
NAMES = {entry.name for entry in LAYOUT}


def test_the_documentation_has_the_very_list() -> None:
    text = (ROOT.parents[1] / "docs/formats.md").read_text()
    section = text.partition("\n## Store\n")[2].partition("\n\nRules that always")[0]
    lines = [line.strip("|") for line in section.splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    assert [row[0].strip("`/") for row in rows] == [entry.name for entry in LAYOUT]
    for row, entry in zip(rows, LAYOUT, strict=True):
        assert row[1:] == [entry.what, entry.loss, entry.guard, entry.dry, "yes" if entry.keeps else ""]


def test_gc_asks_everything_that_keeps_objects() -> None:
    assert NAMED.keys() == {entry for entry in LAYOUT if entry.keeps}


def test_no_other_room_spells_the_name_of_a_file_of_the_store() -> None:
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Constant):
                left = ast.unparse(node.left)
                assert not (left.endswith(("store.root", "store_root")) and node.right.value in NAMES), path


def test_a_dry_run_writes_through_none_of_its_links(store: LocalStore) -> None:
    kept, promise = Digest.of(b"x"), Promise(hexdigest(b"x", "sha512"), 1)
    store.at(RPM_SIGNATURES).write_text("one\n")
    with dry_run(store) as view:
        view.note_promise(promise, view.add_bytes(b"x"))
        assert view.known_as(promise) == kept
        with view.at(RPM_SIGNATURES).open("a") as log:
            log.write("two\n")
    assert store.known_as(promise) is None
    assert store.at(RPM_SIGNATURES).read_text() == "one\n"


def test_a_dry_run_knows_which_snapshot_was_chosen_and_changes_no_choice(store: LocalStore) -> None:
    chosen = SealedFile(store.at(ROLLBACK))
    chosen.write({"shows": 1})
    with dry_run(store) as view:
        seen = SealedFile(view.at(ROLLBACK))
        assert seen.read() == {"shows": 1}
        seen.write({"shows": 2})
        seen.forget()
    assert chosen.read() == {"shows": 1}

"""The performance page is written from rows: tables, pictures, the same for the same rows."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from bench.installed import LACKING
from bench.report import draw, markdown, write
from bench.rows import Row, rows_of

ROWS = [
    Row("apt", "full mirror", 4.0, {"aptly": 5.0, "curl": 2.0}, limit_s=1.0, rss_mb=53, requests=2002),
    Row("apt", "20,000 stanzas", 0.8),
]


def test_the_table_has_ratios_to_the_best_peer_and_the_limit() -> None:
    lines = markdown(ROWS).splitlines()
    assert lines[2] == "| full mirror | 4.00 s | curl 2.00 s, aptly 5.00 s | 2.0 | 4.0 | 53 MB | 2002 |"
    assert lines[3] == "| 20,000 stanzas | 0.80 s | – | – | – | – | – |"


def test_the_same_rows_give_the_same_picture(tmp_path: Path) -> None:
    draw(ROWS, tmp_path / "a.svg")
    draw(ROWS, tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")


def test_only_what_was_measured_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("# P\n\nbefore\n\n<!-- bench: begin -->\nold\n<!-- bench: end -->\n\nafter\n")
    write({"apt": ROWS}, tmp_path)
    text = page.read_text()
    assert "old" not in text
    assert "before" in text
    assert "after" in text
    assert "![apt" in text
    assert (tmp_path / "img" / "bench-apt.svg").is_file()


def test_only_the_parts_that_give_wanted_rows_are_done() -> None:
    done: list[tuple[str, ...]] = []

    def part(*works: str) -> list[Row]:
        done.append(works)
        return [Row("apt", work, 1.0) for work in works]

    parts = {one: lambda one=one: part(*one) for one in (("full", "full again"), ("pins",))}
    assert [row.work for row in rows_of(parts, "again")] == ["full again"]
    assert done == [("full", "full again")]
    assert len(rows_of(parts, "")) == 3


def test_benches_that_were_not_taken_keep_their_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "performance.md"
    page.write_text("<!-- bench: begin -->\n### apt\n\nold apt\n\n### yum\n\nold yum\n<!-- bench: end -->\n")
    monkeypatch.setitem(LACKING, "aptly", None)
    write({"apt": ROWS}, tmp_path)
    text = page.read_text()
    assert "old apt" not in text
    assert "### yum\n\nold yum\n" in text
    assert "Not installed, and left out: aptly." in text
    write({"apt": ROWS}, tmp_path)
    assert page.read_text() == text

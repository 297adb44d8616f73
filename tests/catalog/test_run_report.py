"""What a run comes to, and that its document is read as it was written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cudepot import errors
from cudepot.catalog.run_report import FORMAT, WORST, Met, Report, Step, parse_report, render_report, worst

DOWN = Met("a/x86_64", "E200", "a/x86_64: unreachable", "see", 4)
FORGED = Met("b", "E300", "a hash does not hold", "", 5)
REPORT = Report(
    began="2026-11-29T03:17:00Z", ended="2026-11-29T03:18:00Z", seconds=60.5, exit=5, dry=False,
    steps=(Step("lock", 1.0, {"written": True}, ("odd",), (DOWN, FORGED)), Step("sync", left_out="why")),
    shown=7, hold=None, good={"c": "2026-11-29T03:18:00Z"}, alarms=("look",), hooks=({"name": "chat", "error": ""},),
)  # fmt: skip


def test_the_worst_exit_status_wins() -> None:
    assert worst([]) == 0
    assert worst([0, 0]) == 0
    assert worst([0, 14, 8, 4]) == 4
    assert worst([4, 5, 6]) == 5
    assert worst([5, 1]) == 1
    assert worst([5, 77]) == 77, "what is not known is as bad as a fault of ours"
    assert REPORT.steps[0].exit == 5


def test_every_exit_status_of_an_error_has_its_place() -> None:
    kinds = (one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.CudepotError))
    others = {2, 12, 13}  # of wrong usage, and of verbs that no run has
    assert {one.exit_code for one in kinds} - others <= set(WORST)
    assert len(set(WORST)) == len(WORST)


def test_a_trouble_is_told_with_its_name_once() -> None:
    assert DOWN.line() == "a/x86_64: unreachable"
    assert FORGED.line() == "b: a hash does not hold"
    assert FORGED._replace(name="").line() == "a hash does not hold"


def test_a_document_is_read_as_it_was_written() -> None:
    document = json.loads(json.dumps(render_report(REPORT)))
    assert document["format"] == FORMAT
    assert document["steps"][0]["exit"] == 5
    assert parse_report(document) == REPORT


@pytest.mark.parametrize("key", ["steps", "good", "exit", "hooks"])
def test_a_document_that_lacks_something_is_none(key: str) -> None:
    document = render_report(REPORT)
    del document[key]
    assert parse_report(document) is None
    assert parse_report(document | {key: 3}) is None or key == "exit"


def test_a_document_of_another_format_is_none() -> None:
    assert parse_report({}) is None
    assert parse_report(render_report(REPORT) | {"format": "cudepot-run 2"}) is None


def test_formats_describe_every_key() -> None:
    text = (Path(__file__).parents[2] / "docs/formats.md").read_text()
    section = text.partition(f"`{FORMAT}`")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z_]+)`", section))
    assert {*Report._fields, *Step._fields, *Met._fields} <= named

"""The house may be rebuilt: the same upstreams and configuration give what they gave, and old projects go on.

Where an answer is meant to change, `python -m tests.golden.record` records all of it anew.
"""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.golden.answers import without_hashes
from tests.golden.record import ANSWERS, MADE, first_day, opened, unpack
from tests.golden.world import SECOND_DAY, Golden

pytestmark = pytest.mark.slow


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Golden]:
    """The project as the old code left it, its upstreams being served."""
    unpack(tmp_path)
    with opened(tmp_path) as golden:
        yield golden


def test_the_same_upstreams_and_pins_give_the_same_answers(recorded: Golden, tmp_path: Path) -> None:
    for name in MADE:
        path = recorded.base / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    found = first_day(recorded, tmp_path / "new-medium")
    same_packers = (ANSWERS / "packers.txt").read_text() == found.pop("packers.txt")
    for name, text in found.items():
        old = (ANSWERS / name).read_text()
        was, now = (old, text) if same_packers else (without_hashes(old), without_hashes(text))
        diff = "".join(difflib.unified_diff(was.splitlines(True), now.splitlines(True), name, "now", n=0))
        assert not diff, diff


def test_a_project_of_the_old_code_goes_on(recorded: Golden) -> None:
    recorded.now = SECOND_DAY
    lock = (recorded.base / "cudepot.lock").read_bytes()
    before = recorded.json("snapshots")
    for verb in ("lock", "sync", "repackage", "publish"):
        recorded.run(verb)
    assert (recorded.base / "cudepot.lock").read_bytes() == lock
    assert recorded.json("snapshots") == before, "publish made a snapshot of nothing new"
    recorded.run("verify")
    recorded.run("status")


def test_what_the_old_code_showed_can_be_shown_again(recorded: Golden) -> None:
    recorded.now = SECOND_DAY
    toml = recorded.base / "cudepot.toml"
    toml.write_text(toml.read_text().replace('packages = ["hello_*.deb"]', 'packages = ["nothing-yet_*.deb"]'))
    (recorded.base / "downloads/nothing-yet_1_amd64.deb").write_bytes(
        (recorded.base / "downloads/hello_1.0_amd64.deb").read_bytes()
    )
    recorded.publish()
    recorded.run("rollback", "1", "--lock")
    shown = recorded.json("status")
    assert shown["shown"] == 3
    recorded.run("verify")


def test_a_half_imported_bundle_of_the_old_code_is_finished(recorded: Golden, tmp_path: Path) -> None:
    far = Golden(tmp_path / "far", recorded.env["http_proxy"])
    far.run("bundle", "import", str(sorted((tmp_path / "medium").glob("*.tar"))[-1]))
    far.run("publish")
    assert far.json("status")["shown"] == 1
    far.run("verify")

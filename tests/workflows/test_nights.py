"""Nights that go wrong: what `run` does then, what is published, what a monitor sees, and what mends it."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Nvidia
from simulator.project import APT, Done, Project
from tests.workflows.incident_world import NEXT, PINNED, World
from tests.workflows.test_bad_disk import can_mount, small_disk
from tests.workflows.test_clocks import published_in_ten_years

from cudepot.cli.main import main
from cudepot.depot.isolated import Isolation
from cudepot.errors import ConfigError, SignerError
from cudepot.workflows.build import repackage
from cudepot.workflows.run.steps import _follows

GOOD, OTHER = "ubuntu2004/x86_64", "ubuntu2204/x86_64"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"CUDEPOT_TRIES": "2", "CUDEPOT_WAIT": "0"}.items():
        monkeypatch.setenv(name, value)


def inside(project: Project, *argv: str) -> Done:
    """Run a verb in this process: starting one takes longer than most verbs here."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = main([argv[0], "-C", str(project.base), *argv[1:]])
    return Done(argv, code, out.getvalue(), err.getvalue())


def night(project: Project, code: int) -> Done:
    """Run everything; it must end with ``code``, and keep just what it reports."""
    done = inside(project, "run", "--json")
    assert done.rc == code == done.json["exit"], done
    kept = json.loads((project.store / "last-run.json").read_bytes())
    assert {key: value for key, value in kept.items() if key != "check"} == done.json
    assert "Traceback" not in done.err
    return done


def mended(project: Project) -> None:
    """The next night is good, and a monitor sees nothing."""
    night(project, 0)
    assert inside(project, "status", "--check", "--max-age", "1d").rc == 0


def watched(project: Project, *words: str) -> None:
    """A monitor must be told to look, with these words."""
    done = inside(project, "status", "--check", "--max-age", "1d")
    assert done.rc == 14
    for one in words:
        assert any(line.startswith("check: ") and one in line for line in done.out.splitlines()), done


def offered(project: Project, name: str) -> str:
    """Return what the site has of an apt repository."""
    return (project.site / f"apt/{name}/Packages").read_text()


def test_an_upstream_is_down(world: World) -> None:
    world.add(GOOD)
    world.add(OTHER)
    mended(world.project)
    before = inside(world.project, "status", "--json").json["last_run"]["good"][GOOD]
    world.offer(OTHER, PINNED, NEXT)
    world.upstreams[OTHER].publish_index(9000)
    world.server.missing(f"*{GOOD}*")
    done = night(world.project, 4)
    assert [one["name"] for step in done.json["steps"] for one in step["met"]] == [GOOD]
    assert f"{GOOD}: " in done.err
    assert done.json["good"][GOOD] == before
    assert done.json["good"][OTHER] >= done.json["began"]
    assert NEXT in offered(world.project, OTHER)
    assert NEXT not in offered(world.project, GOOD)
    watched(world.project, f"{GOOD}: ")
    world.server.heal()
    mended(world.project)


def test_a_new_licence_has_come(project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    write_deb(simple_deb("hello", "1.0"), tmp_path / "local")
    project.add("upstream", name="local", type="folder", path=str(tmp_path / "local"))
    project.add("pin", upstream="local", packages=["*.deb"])
    project.add_downloads(nvidia)
    done = night(project, 8)
    met = [(step["name"], one["code"]) for step in done.json["steps"] for one in step["met"]]
    assert met == [("repackage", "E600")], "that nothing of it is published only follows"
    assert "hello" in offered(project, "local")
    assert not (project.site / "conda/main/linux-64").exists()
    watched(project, "`cudepot repackage` has to be run: licences: the licence of cudnn 8.0.5.39")
    nvidia.server.missing("/*")
    inside(project, "licence", "accept", "--all")
    mended(project)
    assert list((project.site / "conda/main/linux-64").glob("cudnn-8.0.5.39*.conda"))


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small file system")
def test_the_disk_is_full(shown: Project, nvidia: Nvidia) -> None:
    mended(shown)
    shown.add_apt(nvidia)
    before = shown.site.resolve()
    done = small_disk(shown, "300k", f"{sys.executable} -m cudepot.cli.main run -C . -q")
    assert "failed=7" in done.stdout
    assert "are needed" in done.stderr
    assert "Traceback" not in done.stderr
    assert shown.site.resolve() == before
    watched(shown, "`cudepot sync` has to be run: ", "are needed")
    fill = "dd if=/dev/zero of=store/fill bs=4k 2>/dev/null"
    work = f"{sys.executable} -m cudepot.cli.main run -C . -q"
    done = small_disk(shown, "2m", f"{fill} || true; {work} || code=$?; rm store/fill; (exit ${{code:-0}})")
    assert shown.site.resolve() == before
    assert "failed=7" in done.stdout
    watched(shown, "`cudepot sync` has to be run: ", ", 0 kB are free")  # the report took the room of the one before
    mended(shown)
    assert PINNED in offered(shown, APT)


def test_the_clock_is_wrong(shown: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown.add("upstream", name="more", type="folder", path=str(tmp_path / "more"))
    shown.add("pin", upstream="more", packages=["*.deb"])
    (tmp_path / "more").mkdir()
    write_deb(simple_deb("one", "1.0"), tmp_path / "more")
    inside(shown, "lock")
    inside(shown, "sync")
    published_in_ten_years(shown, monkeypatch)
    write_deb(simple_deb("two", "1.0"), tmp_path / "more")
    done = night(shown, 5)
    assert "this machine's clock says" in done.err
    assert "cudepot publish --clock-is-right" in done.err
    assert "two" not in offered(shown, "more")
    watched(shown, "this machine's clock says")
    inside(shown, "publish", "--clock-is-right")
    assert "two" in offered(shown, "more")
    mended(shown)


def test_a_rollback_is_in_force(grown: Project) -> None:
    inside(grown, "rollback", "1")
    since = inside(grown, "status", "--json").json["hold"]["since"]
    (grown.base / "later").mkdir()
    write_deb(simple_deb("later", "1.0"), grown.base / "later")
    grown.add("upstream", name="later", type="folder", path="later")
    grown.add("pin", upstream="later", packages=["*.deb"])
    done = night(grown, 0)
    steps = {one["name"]: one["done"] for one in done.json["steps"]}
    assert (steps["lock"]["written"], steps["sync"]["fetched_files"]) == (True, 1)
    assert (done.json["shown"], done.json["hold"]["since"]) == (3, since)
    assert f"rolled back to snapshot 1 since {since}: nothing new is shown" in inside(grown, "run").out
    assert not (grown.site / "apt/later").exists()
    assert inside(grown, "status", "--check").rc == 0, "somebody decided it"
    inside(grown, "publish", "--release-rollback")
    assert "later" in offered(grown, "later")
    mended(grown)


def test_a_fault_of_ours_stops_no_other_verb(shown: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by night")

    with monkeypatch.context() as patch:
        patch.setattr(repackage, "all_jobs", broken)
        report = night(shown, 1).json
    assert [(one["name"], one["exit"]) for one in report["steps"]][2:] == [("repackage", 1), ("publish", 0)]
    assert "ZeroDivisionError: by night" in (shown.store / "cudepot.log").read_text()
    watched(shown, "the last run met a fault in cudepot: ")
    mended(shown)


def test_a_run_says_who_is_at_work_and_may_wait(shown: Project, nvidia: Nvidia) -> None:
    shown.add_apt(nvidia)
    stall = nvidia.server.stall(f"{nvidia.apt_path}/libcudnn8_*", 1000)
    first = shown.start("run")
    assert stall.reached.wait(60)
    told = shown.fail(9, "run", "--wait", "0").error
    assert f"(pid {first.pid}, cudepot run since 20" in told
    second = shown.start("run", "--wait", "100")
    nvidia.server.heal()
    assert first.wait(60) == 0
    first.communicate()
    out, err = second.communicate(timeout=90)
    assert second.returncode == 0, (out, err)


def test_a_pin_that_brings_nothing_new_is_nothing_to_look_at(shown: Project) -> None:
    shown.add("pin", upstream="local", packages=["hello*.deb"])
    assert night(shown, 0).json["steps"][3]["done"]["fresh"] is False
    mended(shown)


def test_a_dry_run_changes_nothing(shown: Project, nvidia: Nvidia) -> None:
    inside(shown, "run")
    before = shown.everything()
    done = inside(shown, "run", "-n", "--json").json
    assert (done["dry"], [one["left_out"] for one in done["steps"]]) == (True, [""] * 4)
    shown.add_apt(nvidia)
    before = shown.everything()
    done = inside(shown, "run", "--dry-run")
    assert done.out.count("a dry run stops here: the lock would change") == 3
    assert shown.everything() == before


def test_a_monitor_sees_that_no_run_was(shown: Project) -> None:
    assert inside(shown, "status", "--check").rc == 0
    watched(shown, "there was no `cudepot run` yet")
    inside(shown, "run")
    assert inside(shown, "status", "--check", "--max-age", "90m").rc == 0
    done = inside(shown, "status", "--check", "--max-age", "0s")
    assert done.rc == 14
    assert "longer ago than --max-age" in done.out
    shown.fail(3, "status", "--max-age", "1d")
    assert inside(shown, "status", "--check", "--max-age", "a week").rc == 2
    (shown.store / "last-run.json").write_text("{}")
    watched(shown, "there was no `cudepot run` yet")


def test_a_far_side_only_publishes(shown: Project) -> None:
    toml = shown.toml.read_text().replace("key = ", "from = ")
    shown.toml.write_text(toml.partition("[[upstream]]")[0])
    done = inside(shown, "run", "-n", "--json").json
    assert [bool(one["left_out"]) for one in done["steps"]] == [True, True, True, False]


def test_a_damaged_snapshot_is_told_and_the_run_is_noted(shown: Project) -> None:
    newest = max((shown.store / "snapshots").glob("*.json"))
    newest.chmod(0o644)
    newest.write_bytes(newest.read_bytes()[:-40])
    done = inside(shown, "run", "--json")
    kept = json.loads((shown.store / "last-run.json").read_bytes())
    assert kept["exit"] == done.rc == done.json["exit"] != 0
    assert [one["name"] for one in kept["steps"]] == ["lock", "sync", "repackage", "publish"]
    assert kept["alarms"], done


def test_a_key_that_cannot_sign_is_no_upstreams_trouble(tmp_path: Path) -> None:
    """Else the site stays as it is night after night, with a note on one upstream and exit 14."""
    error = SignerError("gpg: signing failed")
    with pytest.raises(SignerError):
        Isolation(tmp_path, str).alone("one", error)
    assert not _follows(error), "it is waited for by nobody"
    assert _follows(ConfigError("no lock yet"))

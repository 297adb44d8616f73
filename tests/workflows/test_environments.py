"""Environments through the real command: what lock makes of them, what keeps them still, and what goes wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulator.ml_team import NVIDIA, PYPI, TORCH, MlTeam
from simulator.project import Done, Project
from simulator.python_files import Dist, wheel
from simulator.python_index import PythonIndex

RESOLVES = "cudepot.kinds.wheels.uv"
"""The module that starts uv; a run that resolves nothing does not load it."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PythonIndex]:
    with PythonIndex(tmp_path / "index") as one:
        one.add(Dist("app", "1.0", ("lib>=1", "tool; sys_platform == 'win32'")))
        one.add(Dist("lib", "1.0"), "cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_x86_64")
        one.add(Dist("tool", "1.0"))
        yield one


@pytest.fixture
def team(tmp_path: Path) -> Iterator[MlTeam]:
    with MlTeam(tmp_path / "team") as one:
        yield one


@pytest.fixture
def ours(project: Project, index: PythonIndex) -> Project:
    project.add("upstream", name="idx", type="simple", url=index.url)
    return project


def ask(project: Project, name: str = "e", **keys: object) -> None:
    project.add("environment", name=name, **({"python": ["3.11", "3.12"], "wheels": ["app"]} | keys))


def locked(project: Project) -> dict[str, Any]:
    return tomllib.loads(project.lock.read_text())


def versions(project: Project) -> dict[str, str]:
    return {one["name"]: one["version"] for one in locked(project)["artifact"]}


def members(project: Project, name: str = "e") -> dict[str, list[str]]:
    one = next(one for one in locked(project)["environment"] if one["name"] == name)
    return {target["name"]: target["members"] for target in one["target"]}


def resolved(project: Project, *argv: str) -> tuple[Done, bool]:
    """Run lock, and return whether uv was run."""
    project.env["PYTHONPROFILEIMPORTTIME"] = "1"
    done = project.run("lock", *argv)
    del project.env["PYTHONPROFILEIMPORTTIME"]
    return done, bool(re.search(rf"\| +{re.escape(RESOLVES)}$", done.err, re.MULTILINE))


def test_each_target_has_what_it_needs_and_each_file_is_locked_once(ours: Project) -> None:
    ask(ours)
    answer = ours.run("lock", "--json").json
    app = "idx/app-1.0-py3-none-any.whl"
    assert members(ours) == {
        f"linux-64-py3.{minor}": [app, f"idx/lib-1.0-cp3{minor}-cp3{minor}-manylinux_2_28_x86_64.whl"]
        for minor in (11, 12)
    }
    assert [one["why"] for one in locked(ours)["artifact"]] == ["environment"] * 3
    assert [one.get("requires") for one in locked(ours)["artifact"]] == [["lib"], None, None]
    (one,) = answer["environments"]
    assert (one["name"], one["projects"], one["files"], one["added"]) == ("e", 2, 3, ["app 1.0", "lib 1.0"])
    assert one["bytes"] == one["new_bytes"] == sum(each["size"] for each in locked(ours)["artifact"])
    assert [target["projects"] for target in one["targets"]] == [2, 2]
    ours.run("sync")
    assert ours.run("lock", "--json").json["environments"][0]["new_bytes"] == 0


def test_several_indexes_each_project_of_its_owner_alone(project: Project, team: MlTeam) -> None:
    team.add_upstreams(project)
    wheels = ["torch==2.9.1", "transformers", "tensorrt-cu13"]
    ask(project, wheels=wheels, platforms=["linux-64", "win-64"], python=["3.12"], indexes={"torch": TORCH})
    project.run("lock")
    owners = {one["name"]: one["upstream"] for one in locked(project)["artifact"]}
    assert {name for name, owner in owners.items() if owner == TORCH} == {"torch"}
    assert {name for name, owner in owners.items() if owner == NVIDIA} == {"tensorrt-cu13", "tensorrt-cu13-libs"}
    assert owners["numpy"] == owners["triton"] == PYPI
    assert "colorama" in " ".join(members(project)["win-64-py3.12"])
    assert "colorama" not in " ".join(members(project)["linux-64-py3.12"])
    assert [one["name"] for one in locked(project)["upstream"]] == [PYPI, TORCH, NVIDIA]


def test_a_second_lock_resolves_nothing_and_changes_no_byte(ours: Project, index: PythonIndex) -> None:
    ask(ours)
    assert resolved(ours)[1]
    before = ours.lock.read_bytes()
    index.forget()
    assert not resolved(ours)[1]
    assert ours.lock.read_bytes() == before
    assert not index.files.requests


def test_newer_versions_are_taken_when_somebody_says_so(ours: Project, index: PythonIndex) -> None:
    ask(ours, wheels=["app", "tool"], python=["3.12"])
    ours.run("lock")
    before = ours.lock.read_bytes()
    index.add(Dist("tool", "2.0"))
    index.add(Dist("app", "2.0", ("lib",)))
    assert not resolved(ours)[1]
    assert ours.lock.read_bytes() == before
    answer = ours.run("lock", "--json", "--upgrade", "Tool").json
    assert answer["environments"][0]["changed"] == ["tool 1.0 -> 2.0"]
    assert versions(ours) == {"app": "1.0", "lib": "1.0", "tool": "2.0"}
    ours.run("lock", "--upgrade")
    assert versions(ours)["app"] == "2.0"
    assert "no environment has 'nothing' to upgrade" in ours.run("lock", "--upgrade", "nothing", check=False).error


def test_another_request_keeps_the_versions_that_fit(ours: Project, index: PythonIndex) -> None:
    ask(ours, python=["3.12"])
    ours.run("lock")
    index.add(Dist("app", "2.0", ("lib",)))
    ours.toml.write_text(ours.toml.read_text().replace('["app"]', '["app", "tool"]'))
    ours.run("lock")
    assert versions(ours) == {"app": "1.0", "lib": "1.0", "tool": "1.0"}


def test_a_new_target_takes_the_versions_of_the_one_most_like_it(ours: Project, index: PythonIndex) -> None:
    index.add(Dist("both", "1.0", ("two<2; python_version < '3.12'", "two>=2; python_version >= '3.12'")))
    index.add(Dist("two", "1.0"))
    index.add(Dist("two", "2.0"))
    ask(ours, wheels=["both"])
    ours.run("lock")
    index.add(Dist("two", "1.1"))
    index.add(Dist("two", "2.1"))
    ours.toml.write_text(ours.toml.read_text().replace('"3.12"', '"3.12", "3.13", "3.10"'))
    ours.run("lock")
    found = {name: next(one for one in files if "/two-" in one) for name, files in members(ours).items()}
    assert [found[f"linux-64-py3.{minor}"][8:11] for minor in (10, 11, 12, 13)] == ["1.0", "1.0", "2.0", "2.0"]


def test_a_locked_file_that_is_gone_is_a_fault_and_stays_locked(ours: Project, index: PythonIndex) -> None:
    index.add(Dist("app", "0.9", ("lib",)))
    ask(ours, python=["3.12"])
    ours.run("lock")
    before = ours.lock.read_bytes()
    index.withdraw("app-1.0-py3-none-any.whl")
    done = ours.run("lock", check=False)
    assert done.rc
    assert "environment e: idx no longer offers what is locked: app-1.0-py3-none-any.whl" in done.error
    assert "lock --upgrade app" in done.hint
    assert ours.lock.read_bytes() == before
    assert "locked file is gone from its index" in ours.run("status").out
    ours.run("lock", "--upgrade", "app")
    assert versions(ours)["app"] == "0.9"
    assert "gone" not in ours.run("status").out


def test_a_file_that_is_withdrawn_stays_marked_until_it_may_move(ours: Project, index: PythonIndex) -> None:
    index.add(Dist("app", "0.9", ("lib",)))
    ask(ours, python=["3.12"])
    ours.run("lock")
    index.yank("app-1.0-py3-none-any.whl", "broken on Mondays")
    done, ran = resolved(ours)
    assert not ran
    assert "app-1.0-py3-none-any.whl: withdrawn by its upstream (yanked): broken on Mondays" in done.out
    assert next(one for one in locked(ours)["artifact"] if one["name"] == "app")["yanked"] == "broken on Mondays"
    assert "broken on Mondays" in ours.run("lock").out
    ours.run("lock", "--upgrade")
    assert versions(ours)["app"] == "0.9"


def test_other_bytes_under_a_locked_name_are_an_alarm(ours: Project, index: PythonIndex) -> None:
    ask(ours, python=["3.12"])
    ours.run("lock")
    before = ours.lock.read_bytes()
    index.offer(wheel(Dist("app", "1.0", ("lib>=1",)), marker="changed"))
    done = ours.run("lock", check=False)
    assert "environment e: app 1.0 any: locked with sha256" in done.error
    assert ours.lock.read_bytes() == before
    ours.run("lock", "--accept-changed", "app")
    assert next(one for one in locked(ours)["artifact"] if one["name"] == "app")["replaces"] in before.decode()
    ours.run("sync")


def test_one_that_fails_stops_no_other_and_keeps_what_it_had(ours: Project, index: PythonIndex) -> None:
    ask(ours, "good", python=["3.12"])
    ask(ours, "bad", python=["3.12"], wheels=["tool"])
    ours.run("lock")
    ours.toml.write_text(ours.toml.read_text().replace('["tool"]', '["tool>5"]'))
    index.add(Dist("lib", "1.1"))
    done = ours.run("lock", "--upgrade", "--json", check=False)
    assert done.rc
    assert [one["upstream"] for one in done.json["failed"]] == ["environment bad"]
    assert versions(ours) == {"app": "1.0", "lib": "1.1", "tool": "1.0"}
    assert "environment bad: kept as locked before" in ours.run("sync").out
    ours.toml.write_text(ours.toml.read_text().replace('["tool>5"]', '["tool"]'))
    assert ours.run("lock").rc == 0


def test_one_that_never_could_be_locked_is_left_out(ours: Project) -> None:
    ask(ours, "good", python=["3.12"])
    ask(ours, "bad", wheels=["nothing-of-the-kind"])
    done = ours.run("lock", check=False)
    assert "environment bad" in done.error
    assert [one["name"] for one in locked(ours)["environment"]] == ["good"]
    assert "environment bad: is left out" in ours.run("sync").out


def test_what_a_pin_asks_for_stays_the_pins(ours: Project, index: PythonIndex) -> None:
    ours.add("pin", upstream="idx", packages=["app", "tool==1.0"])
    ours.run("lock")
    alone = locked(ours)["artifact"]
    ask(ours)
    ours.run("lock")
    both = {one["filename"]: one for one in locked(ours)["artifact"]}
    assert [{**both[one["filename"]], "requires": None} for one in alone] == [
        {**one, "requires": None} for one in alone
    ]
    assert both["app-1.0-py3-none-any.whl"]["requires"] == ["lib"]
    assert {name for name, one in both.items() if one["why"] == "environment"} == set(both) - {
        one["filename"] for one in alone
    }
    before = ours.lock.read_bytes()
    assert not resolved(ours)[1]
    assert ours.lock.read_bytes() == before
    index.add(Dist("app", "2.0"))
    ours.run("lock")
    assert {one["version"] for one in locked(ours)["artifact"] if one["name"] == "app"} == {"1.0", "2.0"}


def test_an_environment_that_goes_takes_its_files_and_upstreams_with_it(ours: Project, index: PythonIndex) -> None:
    ours.add("upstream", name="other", type="simple", url=index.url)
    ours.add("pin", upstream="other", packages=["tool"])
    ours.run("lock")
    before = ours.lock.read_bytes()
    text = ours.toml.read_text()
    ask(ours)
    ours.run("lock")
    assert [one["name"] for one in locked(ours)["upstream"]] == ["idx", "other"]
    ours.toml.write_text(text)
    assert "run `cudepot lock`" in ours.run("sync", check=False).hint
    ours.run("lock")
    assert ours.lock.read_bytes() == before


def test_more_than_it_may_have_is_refused_and_the_largest_named(ours: Project, index: PythonIndex) -> None:
    index.add(Dist("lib", "1.5"), size=50_000)
    ask(ours, python=["3.12"], max_size="20 kB")
    done = ours.run("lock", check=False)
    assert "`max-size` allows 20,000; the largest: lib-1.5-py3-none-any.whl (" in done.error
    ours.toml.write_text(ours.toml.read_text().replace("20 kB", "1 MB"))
    ours.run("lock")


def test_files_that_say_what_is_wanted_are_part_of_the_request(ours: Project) -> None:
    wanted = ours.base / "requirements.in"
    wanted.write_text("-r more.in\n")
    (ours.base / "more.in").write_text("app\n")
    ask(ours, wheels=[], requirements="requirements.in", python=["3.12"])
    ours.run("lock")
    assert locked(ours)["environment"][0]["roots"] == ["app"]
    (ours.base / "more.in").write_text("app\ntool\n")
    assert "or a file it names changed" in ours.run("sync", check=False).error
    ours.run("lock")
    assert set(versions(ours)) == {"app", "lib", "tool"}
    (ours.base / "more.in").write_text("app\n-e .\n")
    assert "more.in:2: -e is not something" in ours.run("lock", check=False).error
    (ours.base / "more.in").unlink()
    assert "more.in: No such file" in ours.run("lock", check=False).error


def test_a_file_without_end_is_no_file_of_requirements(ours: Project) -> None:
    (ours.base / "r.in").write_text("-r /dev/zero\n")
    ask(ours, wheels=[], requirements="r.in", python=["3.12"])
    assert "/dev/zero: more than 64 MiB" in ours.run("lock", check=False).error


def test_a_file_that_insists_on_other_bytes_is_not_met(ours: Project) -> None:
    (ours.base / "r.txt").write_text(f"app==1.0 --hash=sha256:{'0' * 64}\n")
    ask(ours, wheels=[], requirements=["r.txt"], python=["3.12"])
    assert "not one of those in the requirements" in ours.run("lock", check=False).error


def test_a_file_of_overrides_is_read_as_one_of_requirements_is(ours: Project) -> None:
    (ours.base / "o.txt").write_text("-i https://elsewhere.example/simple\nlib==1.0\n")
    ask(ours, overrides="o.txt", python=["3.12"])
    assert "o.txt:1: -i is not followed" in (done := ours.run("lock")).out + done.err
    (ours.base / "o.txt").write_text(f"lib==1.0 --hash=sha256:{'0' * 64}\n")
    assert "not one of those in the requirements" in ours.run("lock", check=False).error


def test_a_project_that_is_missing_names_the_index_that_was_asked(ours: Project, index: PythonIndex) -> None:
    index.add(Dist("wants", "1.0", ("nowhere",)))
    ask(ours, wheels=["wants"], python=["3.12"])
    done = ours.run("lock", "--json", check=False)
    assert "nowhere is not on idx" in done.error
    assert 'indexes = { nowhere = "UPSTREAM" }' in done.hint


def test_a_dry_run_and_a_check_write_nothing(ours: Project) -> None:
    ask(ours)
    before = ours.everything()
    assert "would write" in ours.run("lock", "--dry-run").out
    assert ours.run("lock", "--check", check=False).rc == 14
    after = ours.everything()
    assert {name: one for name, one in after.items() if name in before and "log" not in name} == {
        name: one for name, one in before.items() if "log" not in name
    }
    assert not ours.lock.exists()


def test_an_index_that_is_not_there_is_named(ours: Project) -> None:
    ask(ours, "good", python=["3.12"])
    ask(ours, index="nowhere")
    assert "environment e: an environment takes wheels from 'nowhere'" in ours.run("lock", check=False).error
    assert "environment e: is left out" in ours.run("sync").out


def test_a_file_that_is_not_there_stops_no_other(ours: Project) -> None:
    (ours.base / "r.in").write_text("tool")
    ask(ours, "good", python=["3.12"])
    ask(ours, wheels=[], requirements="r.in", python=["3.12"])
    ours.run("lock")
    (ours.base / "r.in").unlink()
    assert "or a file it names changed" in ours.run("sync", check=False).error
    assert "environment e: r.in: No such file" in ours.run("lock", check=False).error
    assert "environment e: kept as locked before" in ours.run("sync").out


def test_update_shows_what_would_move_and_moves_it_on_request(ours: Project, index: PythonIndex) -> None:
    ask(ours, wheels=["app", "tool"], python=["3.12"])
    ours.run("lock")
    assert "nothing newer for the environments" in ours.run("update").out
    index.add(Dist("app", "2.0", ("lib", "extra")))
    index.add(Dist("extra", "1.0"))
    index.add(Dist("tool", "2.0"))
    before = ours.lock.read_bytes()
    (one,) = ours.run("update", "--json").json["environments"]
    assert (one["changed"], one["added"]) == (["app 1.0 -> 2.0", "tool 1.0 -> 2.0"], ["extra 1.0"])
    assert one["new_bytes"]
    assert "environment e: app" not in ours.run("update", "tool").out
    assert ours.lock.read_bytes() == before
    ours.run("update", "--apply", "tool")
    assert versions(ours) == {"app": "1.0", "lib": "1.0", "tool": "2.0"}
    ours.run("update", "--apply")
    assert versions(ours) == {"app": "2.0", "extra": "1.0", "lib": "1.0", "tool": "2.0"}
    assert "'nothing' is not pinned" in ours.run("update", "nothing", check=False).error


def test_update_of_pins_and_environments_at_once(ours: Project, index: PythonIndex) -> None:
    ask(ours, python=["3.12"])
    ours.add("pin", upstream="idx", packages=["tool==1.0"])
    ours.run("lock")
    index.add(Dist("tool", "2.0"))
    index.add(Dist("lib", "1.1"))
    assert "environment e: lib 1.0 -> 1.1" in ours.run("update").out
    ours.run("update", "--apply", "lib", "tool")
    assert versions(ours) == {"app": "1.0", "lib": "1.1", "tool": "2.0"}

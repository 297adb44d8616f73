"""A store in a bucket: machines that work on it may be thrown away, race, and find damage."""

from __future__ import annotations

import json
import shutil

from simulator.project import Project
from tests.stores.machines import Machines


def page(project: Project) -> bytes:
    return (project.site / "snapshot.json").read_bytes()


def test_a_bare_machine_goes_on_where_the_last_one_was_lost(machines: Machines) -> None:
    first = machines.new("first")
    first.publish()
    lock, before, roots = first.lock.read_bytes(), page(first), (first.store / "published.log").exists()
    machines.throw_away(first)

    second = machines.new("second")
    assert second.run("snapshots", "--json").json[0]["number"] == 1
    second.run("publish")
    assert second.lock.read_bytes() == lock
    assert page(second) == before
    assert (second.store / "published.log").exists() == roots
    machines.deb("more")
    second.publish()
    machines.throw_away(second)

    third = machines.new("third")
    third.run("publish")
    assert json.loads(page(third))["number"] == 2
    assert third.run("verify", "--json").json["faults"] == []
    third.run("rollback", "1")
    machines.throw_away(third)
    fourth = machines.new("fourth")
    assert [one["number"] for one in fourth.run("snapshots", "--json").json] == [1, 2, 3]


def test_monitors_see_the_objects_of_the_bucket_not_those_of_this_machine(few: Machines) -> None:
    first = few.new("first")
    first.publish()
    seen = first.run("status", "--json").json["store"]
    few.throw_away(first)
    second = few.new("second").run("status", "--json").json["store"]
    assert (second["objects"], second["bytes"]) == (seen["objects"], seen["bytes"])
    assert second["objects"] > 0


def test_nothing_new_writes_no_object_and_few_requests(few: Machines) -> None:
    one = few.new("one")
    one.publish()
    before = set(few.listed())
    one.run("sync", "--lock")
    one.run("publish")
    new = set(few.listed()) - before
    assert not [key for key in new if key.startswith(("objects/", "snapshots/"))]


def test_a_store_in_a_folder_moves_into_a_bucket_with_the_next_run(few: Machines, shown: Project) -> None:
    shown.env |= few.server.env
    before = {path.name for path in (shown.store / "objects").glob("*/*")}
    shown.sections.insert(0, few.store())
    shown.write()
    shown.run("sync")
    assert {key.rpartition("/")[2] for key in few.listed("objects/")} >= before
    assert few.listed("snapshots/") == ["snapshots/000001.json"]
    shutil.rmtree(shown.base / "store")
    shutil.rmtree(shown.base / "site")
    shown.run("publish")
    assert shown.run("verify", "--json").json["faults"] == []

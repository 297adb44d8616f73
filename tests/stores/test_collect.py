"""`gc` of a store in a bucket: nothing goes before its time, and nothing that somebody counts on."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from tests.stores.machines import Machines

from cudepot.sealed import sealed
from cudepot.stores.s3.collect import retire

NAMES = st.sets(st.sampled_from("abcdefgh"))


@given(NAMES, st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 2e9)), st.floats(0, 2e9), st.floats(0, 1e6))
def test_only_what_was_unnamed_for_the_grace_period_goes(
    unnamed: set[str], before: dict[str, float], now: float, grace: float
) -> None:
    found = retire(unnamed, before, now, grace)
    assert set(found.doomed) | found.waiting.keys() == unnamed
    assert not set(found.doomed) & found.waiting.keys()
    for one in found.doomed:
        assert grace == 0 or (one in before and now - before[one] >= grace)
    for one, since in found.waiting.items():
        assert since <= now
        assert since <= before.get(one, now)


def test_objects_go_after_the_grace_period_and_not_before(few: Machines) -> None:
    one = few.new("one")
    one.publish()
    key = few.listed("objects/")[0]
    many = len(few.listed("objects/"))
    strays = [f"objects/ab/ab{number:062x}" for number in range(many)]
    for stray in strays:
        few.put(stray, b"stray")
    assert f"{many} of {2 * many} objects" in one.fail(3, "gc").error
    found = one.run("gc", "--force", "--json").json
    assert (found["objects"], found["waiting"]) == (0, many)
    assert one.run("gc", "--json").json["waiting"] == many, "they were allowed to go when they were noted"
    assert set(strays) <= set(few.listed())
    soon = few.new("soon", grace_hours=0)
    found = soon.run("gc", "--json").json
    assert (found["objects"], found["waiting"]) == (many, 0)
    assert not set(strays) & set(few.listed())
    assert key in few.listed()
    state = json.loads(few.get("state.json"))
    assert state["collecting"] == ""
    assert one.run("verify", "--json").json["faults"] == []


def test_nobody_begins_while_another_machine_removes_objects(few: Machines) -> None:
    one = few.new("one")
    one.publish()
    state = json.loads(few.get("state.json"))
    del state["check"]
    few.put("state.json", json.dumps(sealed(state | {"collecting": "another"})).encode())
    said = one.fail(9, "lock")
    assert "another machine removes objects there" in said.error


def test_what_a_machine_was_about_to_show_when_it_died_is_kept(few: Machines) -> None:
    few.client.put_bucket_versioning(Bucket=few.bucket, VersioningConfiguration={"Status": "Enabled"})
    one = few.new("one")
    one.publish()
    state = next(body for body in few.versions("state.json") if json.loads(body)["coming"])
    few.client.delete_object(Bucket=few.bucket, Key="depots/one/snapshots/000001.json")
    few.put("state.json", state)  # as it was when the snapshot was not there yet
    few.throw_away(one)

    two = few.new("two", grace_hours=0)
    two.run("gc", "--force")
    assert few.listed("snapshots/") == ["snapshots/000001.json"]
    two.run("publish")
    assert json.loads((two.site / "snapshot.json").read_bytes())["number"] == 1
    assert two.run("verify", "--json").json["faults"] == []

"""What is wrong in a store's bucket is seen, named and mended; what the server cannot do is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from simulator.s3 import S3Server
from simulator.site_key import SiteKey
from tests.stores.conftest import machines_on
from tests.stores.machines import Machines


def deb_of(few: Machines) -> str:
    """Return the key of the largest object."""
    return max(few.listed("objects/"), key=lambda key: len(few.get(key)))


def test_a_damaged_object_is_seen_when_it_is_read_and_mended(few: Machines) -> None:
    one = few.new("one")
    one.publish()
    key = next(key for key in few.listed("objects/") if few.get(key).startswith(b"!<arch>"))
    good = few.get(key)
    few.put(key, good[:-1] + bytes([good[-1] ^ 1]))
    few.throw_away(one)

    two = few.new("two")
    said = two.fail(5, "publish")
    assert key in said.error
    assert "is damaged" in said.error
    assert "verify --repair" in said.hint
    found = two.run("verify", check=False, timeout=240)
    assert found.rc == 5
    assert f"{key}: its content has sha256" in found.out
    two.run("verify", "--repair", check=False)
    assert few.get(key) == good
    two.run("publish")
    assert two.run("verify", "--json").json["faults"] == []


def test_a_copy_on_this_machine_that_is_damaged_is_brought_again(few: Machines) -> None:
    one = few.new("one")
    one.publish()
    key = next(key for key in few.listed("objects/") if few.get(key).startswith(b"!<arch>"))
    copy = one.store / key
    copy.unlink()
    copy.write_bytes(b"x" * len(few.get(key)))
    few.deb("more")
    one.publish()
    assert copy.read_bytes() == few.get(key)


def test_a_record_that_is_missing_is_named(few: Machines) -> None:
    one = few.new("one")
    one.run("lock")
    for key in few.listed("records/"):
        few.client.delete_object(Bucket=few.bucket, Key=f"depots/one/{key}")
    few.throw_away(one)
    assert "a record of the store is not in the bucket" in few.new("two").fail(7, "status").error


def test_a_state_that_is_no_state_is_refused(few: Machines) -> None:
    few.put("state.json", b"{}")
    assert "state.json: not what cudepot wrote" in few.new("one").fail(7, "lock").error


def test_a_folder_with_snapshots_of_its_own_is_not_mixed_with_a_bucket(few: Machines) -> None:
    one, two = few.new("one"), few.new("two")
    one.publish()
    two.sections[0] = two.sections[0].replace("depots/one", "depots/two")
    two.write()
    two.publish()
    two.sections[0] = two.sections[0].replace("depots/two", "depots/one")
    two.write()
    said = two.fail(3, "status")
    assert "depots/two" in said.error
    assert "move the folder away" in said.hint


def test_a_server_that_ignores_conditions_is_refused(
    s3_server: Callable[[str], S3Server], site_key: SiteKey, tmp_path: Path
) -> None:
    machines = machines_on(s3_server("rclone"), site_key, tmp_path)
    said = machines.new("one").fail(3, "lock")
    assert "ignores the conditions of writes" in said.error
    assert machines.listed() == []


@pytest.mark.parametrize(("change", "code", "text"), [
    ({"bucket": "nothere"}, 7, "NoSuchBucket"), ({"endpoint": "http://127.0.0.1:9"}, 7, "127.0.0.1:9"),
])  # fmt: skip
def test_what_the_server_refuses_is_told_with_what_to_do(
    few: Machines, change: dict[str, object], code: int, text: str
) -> None:
    said = few.new("one", **change).fail(code, "lock")
    assert text in said.error
    assert "bucket first" in said.hint or "store.endpoint" in said.hint

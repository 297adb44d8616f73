"""Small things that misled: settings as people write them, and answers that name what they are about."""

from __future__ import annotations

from simulator.debs import simple_deb, write_deb
from simulator.project import Project


def test_a_whole_number_is_a_cuda_version_and_a_fraction_is_told_how_to_be_one(shown: Project) -> None:
    shown.sections[1] += "cuda = 12\n"
    shown.write()
    shown.run("lock")
    assert shown.run("status", "--json").json["lock"] == "ok"
    shown.sections[1] = shown.sections[1].replace("cuda = 12", "cuda = 12.1")
    shown.write()
    assert 'cuda = "12.1"' in shown.fail(3, "lock").hint


def test_a_misspelt_key_is_named(shown: Project) -> None:
    shown.sections[1] = shown.sections[1].replace("packages =", "package =")
    shown.write()
    assert "package' is there: it is spelt 'packages'" in shown.fail(3, "lock").hint


def test_lock_check_says_whether_the_lock_would_change(shown: Project) -> None:
    assert shown.run("lock", "--check").rc == 0
    folder = shown.sections[0].partition("path = ")[2].split('"')[1]
    other = shown.base / "other"
    other.mkdir()
    write_deb(simple_deb("hello", "2.0"), other)
    shown.sections[0] = shown.sections[0].replace(folder, str(other))
    shown.write()
    lock = shown.lock.read_bytes()
    assert shown.run("lock", "--check", check=False).rc == 14
    assert shown.lock.read_bytes() == lock
    shown.run("lock")
    assert shown.run("lock", "--check").rc == 0


def test_a_damaged_object_is_named_by_what_it_is(shown: Project) -> None:
    deb = (shown.site / "apt/local/hello_1.0_amd64.deb").read_bytes()
    path = shown.object(deb)
    path.unlink()
    path.write_bytes(deb[:-1] + b"x")
    assert "(apt/local/hello_1.0_amd64.deb of snapshot 1)" in shown.run("verify", check=False).out

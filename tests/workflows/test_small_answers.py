"""Small things that misled: settings as people write them, and answers that name what they are about."""

from __future__ import annotations

import shutil
from pathlib import Path

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
    assert "package' is there: it is spelled 'packages'" in shown.fail(3, "lock").hint


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


def test_lock_check_offline_needs_the_two_files_alone(shown: Project, tmp_path: Path) -> None:
    folder = shown.sections[0].partition("path = ")[2].split('"')[1]
    mine = shown.base / "mine"  # the other one is shared by many tests
    shutil.copytree(folder, mine)
    shown.sections[0] = shown.sections[0].replace(folder, str(mine))
    shown.write()
    shown.run("lock")
    mine.rename(tmp_path / "away")
    checkout = Project(tmp_path / "checkout", key="", gnupg=tmp_path)
    good = shown.toml.read_text()
    checkout.toml.write_text(good)
    argv = ("lock", "--check", "--offline")
    assert checkout.run(*argv, "--json", check=False).json == {"changes": ["upstream local: not locked"]}
    shutil.copy(shown.lock, checkout.lock)
    assert checkout.run(*argv).rc == 0
    renamed = good.replace('name = "local"', 'name = "new"').replace('upstream = "local"', 'upstream = "new"')
    accepted = good.replace("accept-eula = []", f'accept-eula = ["{"0" * 64}"]')
    environment = "[[environment]]\nname = 'e'\nplatforms = ['linux-64']\nconda = ['x']\n"
    for text, says in (
        (good + "[[pin]]\nupstream = 'local'\npackages = ['x']\n", "upstream local: it or its pins changed"),
        (renamed, "upstream local: nothing is pinned from it now\nupstream new: not locked"),
        (accepted, "accept-eula: the accepted licences changed"),
        (good + environment, "environment e: it or a file it names changed"),
    ):
        checkout.toml.write_text(text)
        done = checkout.run(*argv, check=False)
        assert (done.rc, done.out.rpartition("\ncudepot.lock is out of date")[0]) == (14, says)
    assert sorted(one.name for one in checkout.base.iterdir()) == ["cudepot.lock", "cudepot.toml"]
    assert checkout.fail(3, "lock", "--offline").hint == "hint: cudepot lock --check --offline"


def test_a_damaged_object_is_named_by_what_it_is(shown: Project) -> None:
    deb = (shown.site / "apt/local/hello_1.0_amd64.deb").read_bytes()
    path = shown.object(deb)
    path.unlink()
    path.write_bytes(deb[:-1] + b"x")
    assert "(apt/local/hello_1.0_amd64.deb of snapshot 1)" in shown.run("verify", check=False).out

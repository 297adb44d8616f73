"""``backup`` and ``restore``: the machine is lost, and the same site comes back on an empty one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from simulator.cudnn import CudnnRelease, licence, write_archive
from simulator.debs import simple_deb, write_deb
from simulator.project import Done, Project, snapshot_of
from simulator.site_key import SiteKey
from simulator.yum import Rhel
from tests.kinds.yum.world import CUDNN, DEVEL, NAME, add_yum
from tests.workflows.incident_world import World

UP, YANKED = "ubuntu2004/x86_64", "yanked"


@dataclass
class Lost:
    """A project with a signed upstream and a folder of its own, two channels, and a backup of it."""

    project: Project
    world: World
    backup: Path
    key: SiteKey

    def restored(self, base: Path) -> Project:
        """Return the project in a folder that `restore` is to fill."""
        made = Project.__new__(Project)
        made.base, made.env = base, self.project.env
        base.mkdir()
        return made

    def restore(self, base: Path, *options: str, check: bool = True) -> Done:
        """Run `restore` there."""
        return self.restored(base).run(
            "restore", str(self.backup), "--key", self.key.fingerprint, *options, "--json", check=check
        )


@pytest.fixture
def lost(world: World, site_key: SiteKey, tmp_path: Path) -> Lost:
    project = world.project
    project._head = project._head.replace("[site]\n", '[site]\nchannels = ["dev", "prod"]\n')
    project._head = project._head.replace(str(site_key.home), "gnupg")
    shutil.copytree(site_key.home, project.base / "gnupg", ignore=shutil.ignore_patterns("S.*"))
    (project.base / "gnupg").chmod(0o700)
    own = project.base / "own"
    own.mkdir()
    write_deb(simple_deb("mine", "1.0"), own)
    project.add("upstream", name="own", type="folder", path="own")
    project.add("pin", upstream="own", packages=["*.deb"])
    repository = world.add(UP, YANKED)
    world.offer(UP, YANKED, "1.0")
    repository.publish_index(9000)
    project.publish()
    project.run("promote", "dev", "prod")
    project.run("tag", "first", "1")
    repository.repo.forget(f"{YANKED}_1.0_amd64.deb")
    repository.publish_index(9000)
    project.toml.write_text(project.toml.read_text().replace(f', "{YANKED}"', ""))
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    shutil.rmtree(repository.repo.folder / "pool", ignore_errors=True)
    return Lost(project, world, tmp_path / "saved.tar", site_key)


def trees(base: Path) -> dict[str, object]:
    """Return channel → all files it shows, with the hash of each."""
    return {
        name: {
            path.partition(f"site/{name}/")[2]: found[0] for path, found in snapshot_of(base / "site" / name).items()
        }
        for name in ("dev", "prod")
    }


def test_the_same_site_comes_back_on_an_empty_machine(lost: Lost, tmp_path: Path) -> None:
    project = lost.project
    before, records = trees(project.base), snapshot_of(project.store / "snapshots", project.store / "promotions")
    kept = _with_odd_files(project.base)
    told = project.run("backup", str(lost.backup), "--json").json
    assert told["left_out"] == ["elsewhere"], "a link that leads out of the project"
    assert told["left"] == {UP: [1, told["left"][UP][1]]}, "what the present lock has of an upstream is left to it"
    shutil.move(project.base, tmp_path / "gone")
    before_umask = os.umask(0o077)
    done = lost.restore(tmp_path / "new").json
    os.umask(before_umask)
    assert (done["fetched"], done["lacking"], done["shown"]) == (1, [], {"dev": 2, "prod": 1})
    assert "the private key is not here" in done["notes"][0]
    assert trees(tmp_path / "new") == before
    assert {name: (tmp_path / "new" / name).lstat().st_mode & 0o7777 for name in kept} == kept
    assert str((tmp_path / "new/mine").readlink()) == "own/mine_1.0_amd64.deb"
    assert not (tmp_path / "new/elsewhere").is_symlink()
    again = snapshot_of(tmp_path / "new/store/snapshots", tmp_path / "new/store/promotions")
    assert [one[0] for one in again.values()] == [one[0] for one in records.values()]
    new = Project.__new__(Project)
    new.base, new.env = tmp_path / "new", project.env
    assert new.run("verify", "--json").json["faults"] == []
    assert new.run("tag", "--json").json == {"first": 1}
    assert (new.base / "own/mine_1.0_amd64.deb").exists()
    assert not list((new.base).rglob("private-keys-v1.d/*.key"))
    assert "site/prod/apt" not in new.run("channels").out


def _with_odd_files(base: Path) -> dict[str, int]:
    """Put files, folders and links into a project; return path → permissions they are to come back with."""
    modes = {"hooks/tell": 0o755, "hooks": 0o750, "netrc": 0o600, "own/deep/empty": 0o700, "own/deep": 0o555}
    (base / "own/deep/empty").mkdir(parents=True)
    for name, mode in modes.items():
        if name in ("hooks/tell", "netrc"):
            (base / name).parent.mkdir(exist_ok=True)
            (base / name).write_text(name)
        (base / name).chmod(mode | (0o4000 if name == "hooks/tell" else 0))  # no right of another user comes back
    modes["own"] = 0o755  # what the usual umask gives, and another does not
    (base / "mine").symlink_to("own/mine_1.0_amd64.deb")
    (base / "elsewhere").symlink_to("../outside")
    return modes


def test_each_ecosystem_comes_back_byte_for_byte(
    project: Project, rhel: Rhel, site_key: SiteKey, tmp_path: Path
) -> None:
    project._head = project._head.replace("[site]\n", '[site]\nchannels = ["dev", "prod"]\n')
    add_yum(project, rhel)
    project.add("pin", upstream=NAME, packages=[CUDNN, DEVEL])
    release = CudnnRelease("8.0.5.39", "11.1")
    project.accept_eula(licence(release))
    (project.base / "own").mkdir()
    write_archive(release, project.base / "own")
    project.add("upstream", name="own", type="folder", path="own")
    project.add("pin", upstream="own", packages=["*"], recipe="cudnn", outputs=["conda", "wheel"])
    for verb in ("lock", "sync", "repackage"):
        project.run(verb)
    project.run("publish")
    project.run("promote", "dev", "prod")
    before = trees(project.base)
    rooms = {str(path).partition("/")[0] for path in before["prod"]}  # type: ignore[attr-defined]
    assert {"yum", "conda", "simple", "wheels", "provenance"} <= rooms
    saved = project.run("backup", str(tmp_path / "saved.tar"), "--json").json
    assert saved["left"][NAME][0] == 2, "the rpms, which their upstream has"
    shutil.rmtree(project.base)
    shutil.rmtree(rhel.repo.repomd.parent)  # an upstream replaces its indexes, so none is left to it
    new = Lost(project, None, tmp_path / "saved.tar", site_key).restore(tmp_path / "new").json  # type: ignore[arg-type]
    assert (new["fetched"], new["lacking"], new["shown"]) == (2, [], {"dev": 1, "prod": 1})
    assert trees(tmp_path / "new") == before


def test_restoring_again_changes_nothing_and_the_project_goes_on(lost: Lost, tmp_path: Path) -> None:
    lost.project.run("backup", str(lost.backup))
    new = lost.restored(tmp_path / "new")
    argv = ("restore", str(lost.backup), "--key", lost.key.fingerprint)
    new.run(*argv)
    before = snapshot_of(new.base / "site", new.store / "objects", new.store / "snapshots")
    assert "fetched again: 0 objects" in new.run(*argv).out
    assert snapshot_of(new.base / "site", new.store / "objects", new.store / "snapshots") == before
    tags = (new.store / "tags.json").read_bytes()
    (new.store / "tags.json").unlink()
    new.run(*argv)
    assert not (new.store / "tags.json").exists(), "a store that lives keeps what became of it"
    shutil.rmtree(new.store)
    new.run(*argv)
    assert (new.store / "tags.json").read_bytes() == tags, "a store that was lost alone comes back whole"
    (new.base / "cudepot.lock").write_text("# went on\n")
    assert "changed since, and kept: cudepot.lock" in new.run(*argv).out
    assert (new.base / "cudepot.lock").read_text() == "# went on\n"
    new.toml.write_text(new.toml.read_text().replace("version = 1", "version = 1 "))
    assert "another project" in new.fail(3, *argv).error
    other = lost.restored(tmp_path / "other")
    (other.base / "own").mkdir()
    (other.base / "own/mine_1.0_amd64.deb").write_text("somebody's")
    before = other.everything()
    assert "is there already" in other.fail(3, *argv).error
    (other.base / "own/mine_1.0_amd64.deb").unlink()
    (other.base / "own").rmdir()
    (other.base / "own").symlink_to(tmp_path)
    assert "leads out of" in other.fail(3, *argv).error
    assert before.keys() - other.everything().keys() == {str(other.base / "own/mine_1.0_amd64.deb")}
    assert not (tmp_path / "mine_1.0_amd64.deb").exists()


def test_what_no_upstream_has_any_more_is_listed(lost: Lost, tmp_path: Path) -> None:
    lost.project.run("backup", str(lost.backup))
    for deb in lost.world.upstreams[UP].repo.folder.rglob("libcudnn8*.deb"):
        deb.unlink()
    done = lost.restore(tmp_path / "new", check=False)
    assert done.rc == 4
    (told,) = done.json["lacking"]
    assert told.startswith(f"{UP}: libcudnn8")
    assert done.json["shown"] == {}
    assert "libcudnn8" in done.json["not_shown"]["dev"]
    asked = lost.project.run("backup", str(tmp_path / "asked.tar"), "--ask", "--json").json
    assert asked["left"] == {}, "an upstream that is asked says that it has it no more"
    lost.backup = tmp_path / "asked.tar"
    assert lost.restore(tmp_path / "whole").json["shown"] == {"dev": 2, "prod": 1}


def test_a_backup_can_leave_nothing_to_upstreams_and_have_the_key(lost: Lost, tmp_path: Path) -> None:
    project, toml = lost.project, lost.project.toml.read_text()
    project.toml.write_text(toml.replace('"gnupg"', f'"{lost.key.home}"'))
    assert "not in the project's folder" in project.fail(3, "backup", str(lost.backup), "--with-key").error
    project.toml.write_text(toml)
    project.run("backup", str(lost.backup), "--with-key", "--everything")
    lost.world.server.__exit__(None, None, None)
    new = lost.restored(tmp_path / "new")
    done = new.run("restore", str(lost.backup), "--key", lost.key.fingerprint, "--json").json
    assert (done["fetched"], done["lacking"], done["notes"]) == (0, [], [])
    new.run("rollback", "1")
    assert new.run("verify", "--json").json["faults"] == []


def test_a_backup_is_trusted_by_the_key_alone(lost: Lost, tmp_path: Path) -> None:
    lost.project.run("backup", str(lost.backup))
    new = lost.restored(tmp_path / "new")
    assert lost.key.fingerprint in new.fail(3, "restore", str(lost.backup)).error
    assert "is not of the site" in new.fail(5, "restore", str(lost.backup), "--key", "A" * 40).error
    assert new.run("restore", str(lost.backup), "--key", lost.key.fingerprint, "-n", "--json").json["shown"]["dev"] == 2
    whole, argv = lost.backup.read_bytes(), ("restore", str(lost.backup), "--key", lost.key.fingerprint)
    for harm, words in DAMAGES:
        lost.backup.write_bytes(harm(whole))
        done = new.run(*argv, check=False)
        assert done.rc in (3, 5, 10), done
        assert words in done.hint, done
        assert not new.toml.exists()
    lost.backup.write_bytes(whole)
    assert new.run(*argv, "--json").json["shown"] == {"dev": 2, "prod": 1}, "the hint helps where it is followed"
    told = lost.project.fail(3, "bundle", "inspect", str(lost.backup))
    assert "is a backup, not a bundle" in told.error


Harm = Callable[[bytes], bytes]


def flipped(what: bytes, after: int = 0) -> Harm:
    """Return what flips a bit behind the first occurrence of some bytes."""

    def harm(whole: bytes) -> bytes:
        data = bytearray(whole)
        data[whole.index(what) + len(what) + after] ^= 1
        return bytes(data)

    return harm


COPY = "copy it again from where it is whole"
DAMAGES: list[tuple[Harm, str]] = [
    (flipped(b'"created": "'), COPY),
    (flipped(b"-----BEGIN PGP SIGNATURE-----", 40), COPY),
    (flipped(b"-----BEGIN PGP PUBLIC KEY BLOCK-----", 60), COPY),
    (flipped(b'"signer": "'), COPY),
    (lambda whole: flipped(b"", len(whole) - 3000)(whole), COPY),
    (lambda whole: whole[:-5000], COPY),
    (lambda whole: whole[: len(whole) // 2], COPY),
    (lambda whole: whole[:-1024], COPY),
    (lambda whole: b"", COPY),
    (lambda whole: b"#!/bin/sh\n" + whole, COPY),
    (lambda whole: whole.replace(b"cudepot-backup 1", b"cudepot-backup 2"), "use the cudepot that wrote it"),
    (lambda whole: whole.replace(b"cudepot-backup 1", b"cudepot-bundle 1"), "`cudepot bundle import` takes it"),
]
"""Ways in which a backup comes to harm on its way, and what its hint says."""


@pytest.mark.slow
def test_killed_at_any_moment_both_are_simply_run_again(lost: Lost, tmp_path: Path) -> None:
    project, argv = lost.project, ("backup", str(lost.backup))
    for delay in (0.2, 0.5, 0.8):
        _kill(project, delay, *argv)
    project.run(*argv)
    new = lost.restored(tmp_path / "new")
    argv = ("restore", str(lost.backup), "--key", lost.key.fingerprint)
    for delay in (0.2, 0.4, 0.6, 0.9, 1.2):
        _kill(new, delay, *argv)
    new.run(*argv)
    assert trees(new.base) == trees(project.base)
    assert new.run("verify", "--json").json["faults"] == []


def _kill(project: Project, delay: float, *argv: str) -> None:
    child = project.start(*argv)
    time.sleep(delay)
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()


def test_a_dry_run_writes_nothing(lost: Lost) -> None:
    before = snapshot_of(lost.project.base)
    done = lost.project.run("backup", str(lost.backup), "-n", "--json").json
    assert (done["sha256"], lost.backup.exists()) == ("", False)
    assert snapshot_of(lost.project.base) == before
    assert json.loads(lost.project.run("backup", str(lost.backup), "--json").out)["objects"] == done["objects"]


def test_backups_in_the_project_are_private_and_no_part_of_each_other(lost: Lost) -> None:
    first = lost.project.run("backup", str(lost.project.base / "monday.tar"), "--json").json
    second = lost.project.run("backup", str(lost.project.base / "tuesday.tar"), "--json").json
    assert second["project"] == first["project"]
    assert (lost.project.base / "tuesday.tar").stat().st_mode & 0o777 == 0o600
    before = lost.project.toml.read_bytes()
    assert "is no backup" in lost.project.fail(3, "backup", str(lost.project.toml)).error
    assert lost.project.toml.read_bytes() == before


def test_a_project_that_went_on_is_not_overwritten(lost: Lost, tmp_path: Path) -> None:
    lost.project.run("backup", str(lost.backup), "--with-key")
    new, argv = lost.restored(tmp_path / "new"), ("restore", str(lost.backup), "--key", lost.key.fingerprint)
    new.run(*argv)
    new.run("promote", "dev", "prod")
    assert "it shows snapshot 2, and 1 when it was saved" in str(new.run(*argv, check=False))
    assert (new.base / "site/prod/snapshot.json").read_bytes() == (new.base / "site/dev/snapshot.json").read_bytes()
    new.run("rollback", "1")
    new.run("tag", "again", "3")
    assert "newer than the backup" in new.fail(3, *argv).error
    assert new.run("tag", "--json").json == {"again": 3, "first": 1}


def test_edges_find_what_they_need_on_a_site_that_came_back(lost: Lost, tmp_path: Path) -> None:
    project = lost.project
    project.toml.write_text(project.toml.read_text().replace("[site]\n", "[site]\nedges = true\n"))
    project.run("publish")
    before = trees(project.base)["dev"]
    assert isinstance(before, dict)
    assert {"follow.json", "follow.json.asc"} <= before.keys()
    project.run("backup", str(lost.backup))
    lost.restore(tmp_path / "new")
    assert trees(tmp_path / "new")["dev"] == before

"""Whole yum repositories: byte for byte with their own signature; unsigned ones by their hash in the lock only."""

from __future__ import annotations

import shutil

import pytest
from simulator.project import Project
from simulator.rpms import sign_rpms, simple_rpm, write_rpm
from simulator.yum import ODD_NAME, Rhel
from tests.kinds.yum.world import NAME, add_yum, forge


def live(rhel: Rhel) -> dict[str, bytes]:
    """Return what a client of the upstream can need: packages, and the metadata its repomd.xml names."""
    folder, text = rhel.repo.folder, rhel.repo.repomd.read_text()
    files = [*folder.glob("*.rpm"), *folder.glob("repodata/repomd.xml*")]
    files += [path for path in folder.glob("repodata/*") if f'"repodata/{path.name}"' in text]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def shown(project: Project) -> dict[str, bytes]:
    folder = project.site / "yum" / NAME
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("compression", ["zst", "xz", "bz2"])
def test_every_compression_is_mirrored_and_read(project: Project, rhel: Rhel, compression: str) -> None:
    rhel.repo.compression = compression
    rhel.repo.documents |= {"appstream": "<components/>", "productid": "anything"}
    rhel.repo.publish()
    add_yum(project, rhel, whole=True)
    project.publish()
    assert shown(project) == live(rhel)
    assert ODD_NAME in shown(project)
    assert project.run("verify", "--json").json["faults"] == []


def test_a_whole_mirror_follows_and_keeps_the_last_metadata(project: Project, rhel: Rhel) -> None:
    add_yum(project, rhel, whole=True, extras=[rhel.repo.pub_name])
    project.publish()
    first = shown(project)
    assert rhel.repo.pub_name in first
    rhel.server.forget()
    project.publish()
    assert [one.status for one in rhel.server.seen()] == [304]
    rhel.rpm("cudnn-9.5.1-1.x86_64").unlink()
    rhel.repo.publish()
    project.publish()
    second = shown(project)
    assert live(rhel).items() <= second.items()
    assert "cudnn-9.5.1-1.x86_64.rpm" not in second
    assert {path for path in first if path.endswith(".gz")} < second.keys()
    assert project.run("verify", "--json").json["faults"] == []
    assert project.run("status", "--json").json["upstreams"][0]["missing"] == 0


def test_what_is_changed_on_the_site_is_noticed(project: Project, rhel: Rhel) -> None:
    add_yum(project, rhel, whole=True)
    project.publish()
    for name in ("repodata/repomd.xml", "app-1.0-1.x86_64.rpm"):
        path = project.site / "yum" / NAME / name
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data[:-1] + b"x")
    faults = project.run("verify", "--json", check=False).json["faults"]
    assert any("repomd.xml" in one for one in faults)
    assert any("app-1.0-1" in one for one in faults)


def test_a_package_known_by_a_weak_hash_only_is_left_out_and_told(project: Project, rhel: Rhel) -> None:
    mark = b'<location href="app-1.0'

    def weaken(text: bytes) -> bytes:
        start = text.rindex(b'type="sha256"', 0, text.index(mark))
        return text[:start] + text[start:].replace(b'type="sha256"', b'type="sha"', 1)

    forge(rhel, "primary", weaken)
    add_yum(project, rhel, whole=True)
    project.run("lock")
    (note,) = project.run("sync", "--json").json["notes"]
    assert "app-1.0-1.x86_64.rpm is not mirrored: it has no sha256" in note


def test_an_unsigned_upstream_is_believed_by_its_hash_in_the_lock_only(project: Project, rhel: Rhel) -> None:
    for name in ("repomd.xml.asc", "repomd.xml.key"):
        rhel.repo.repomd.with_name(name).unlink()
    add_yum(project, rhel, "libstuff++")
    assert 'trust = "hash-lock"' in project.fail(5, "lock").hint
    project.sections = []
    add_yum(project, rhel, "libstuff++", trust="hash-lock", keys=[])
    told = project.run("lock")
    assert f"{NAME}: unsigned" in told.out
    project.run("sync")
    project.run("publish")
    assert "unsigned" in project.run("status").out
    verified = project.run("verify", "--json").json
    assert verified["faults"] == []
    assert "unsigned" in verified["unsigned"][0]
    remembered = (project.store / "rpm-signatures").read_text()
    assert rhel.key.fingerprint in remembered


def test_with_no_key_at_all_nothing_is_checked_and_that_is_said(project: Project, rhel: Rhel) -> None:
    folder = rhel.repo.folder
    shutil.rmtree(folder / "repodata")
    write_rpm(simple_rpm("unsigned", "1"), folder)
    rhel.repo.write_metadata()
    add_yum(project, rhel, "unsigned", trust="hash-lock", keys=[], keyrings=[], **{"rpm-keys": []})
    told = project.run("lock").out
    assert f"{NAME}: unsigned" in told
    assert "its packages are not checked either" in told
    project.run("sync")
    project.run("publish")


def test_a_package_that_changed_in_place_is_an_alarm_until_it_is_accepted(project: Project, rhel: Rhel) -> None:
    add_yum(project, rhel, whole=True)
    project.publish()
    before = shown(project)
    sign_rpms([rhel.rpm("app-1.0-1.x86_64")], rhel.keys, rhel.old_key)
    rhel.repo.publish()
    error = project.fail(5, "lock").error
    assert "version changed in place" in error
    assert "app-1.0-1.x86_64.rpm" in error
    assert shown(project) == before
    project.run("lock", "--accept-changed", "app")
    project.run("sync")
    project.run("publish")
    assert live(rhel).items() <= shown(project).items()

"""The recorded incident of an rpm, replayed: a good signature, four bytes more than the signed metadata say."""

from __future__ import annotations

import hashlib
from pathlib import Path

from simulator.incidents import RPM, incident_rpms
from simulator.project import Project, same_files, snapshot_of
from simulator.rpms import rpm_says, sign_rpms
from simulator.site_key import SiteKey
from simulator.yum import Rhel
from tests.clients.dnf import DnfRoot
from tests.kinds.yum.world import CUDNN, NAME, add_yum

SPEC = "libcudnn8-8.0.5.39*"


def replay(rhel: Rhel, folder: Path) -> tuple[Path, Path]:
    """Publish metadata with the rpm as declared, serve the other in its place; return both."""
    declared, served = incident_rpms(folder)
    sign_rpms([declared, served], rhel.keys, rhel.key)
    assert served.stat().st_size - declared.stat().st_size == RPM.served - RPM.declared
    rhel.repo.add(declared)
    rhel.repo.publish()
    rhel.server.replace(f"{rhel.path}/{declared.name}", served.read_bytes())
    return declared, served


def test_an_rpm_that_rpm_calls_good_and_the_metadata_do_not_mean(
    project: Project, rhel: Rhel, site_key: SiteKey, tmp_path: Path
) -> None:
    add_yum(project, rhel, SPEC)
    project.publish()
    before = project.published()
    declared, served = replay(rhel, tmp_path)
    assert "Signature, key ID" in rpm_says(served, tmp_path, rhel.key), "rpm -K is content"
    project.add("pin", upstream=NAME, packages=[RPM.package])
    project.run("lock")
    error = project.fail(5, "sync").error
    project.fail(3, "publish")
    assert same_files({path: mark for path, mark in before.items() if "cudepot.lock" not in path}, project.published())
    (fault,) = project.run("status", "--json").json["faults"]
    assert (fault["kind"], fault["verb"]) == (RPM.kind, "sync")
    assert fault["url"] == f"{rhel.url}{declared.name}"
    sizes = declared.stat().st_size, served.stat().st_size
    assert (fault["evidence"]["promised_size"], fault["evidence"]["served_size"]) == sizes
    assert all(hashlib.sha256(one.read_bytes()).hexdigest() in error for one in (declared, served))
    installs(project, rhel, site_key, tmp_path)
    rhel.server.heal()
    project.run("sync")
    assert project.run("status", "--json").json["faults"] == []


def installs(project: Project, rhel: Rhel, site_key: SiteKey, tmp_path: Path) -> None:
    """The real dnf installs what was published before."""
    root, keys = DnfRoot(tmp_path / "dnf"), tmp_path / "keys.asc"
    keys.write_bytes(site_key.key.armored + rhel.key.armored)
    root.add_repo("site", (project.site / "yum" / NAME).as_uri(), keys)
    root.provide("glibc", "libc.so.6()(64bit)")
    root.install(CUDNN)
    assert "libcudnn8" in root.installed()


def test_outside_the_pins_it_stops_nothing(project: Project, rhel: Rhel, tmp_path: Path) -> None:
    add_yum(project, rhel, SPEC)
    project.publish()
    replay(rhel, tmp_path)
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    assert project.run("status", "--json").json["faults"] == []


def test_a_whole_mirror_stays_as_it_was_until_it_is_over(project: Project, rhel: Rhel, tmp_path: Path) -> None:
    add_yum(project, rhel, whole=True)
    project.publish()
    shown = snapshot_of(project.base / "site")
    declared, _ = replay(rhel, tmp_path)
    project.run("lock")
    assert declared.name in project.fail(5, "sync").error
    project.fail(3, "publish")
    assert snapshot_of(project.base / "site") == shown
    rhel.server.heal()
    project.run("sync")
    project.run("publish")
    assert (project.site / "yum" / NAME / declared.name).read_bytes() == declared.read_bytes()

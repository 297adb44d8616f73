"""Pinned parts of a yum repository: chosen with what they need, published with metadata cut out of the upstream's."""

from __future__ import annotations

import tomllib

import createrepo_c
from simulator.project import Project
from simulator.rpms import sign_rpms, simple_rpm, write_rpm
from simulator.yum import Rhel
from tests.kinds.yum.world import CUDNN, DEVEL, NAME, add_yum, read_gz


def names(project: Project) -> dict[str, str]:
    """Return name → EVR of what is locked."""
    return {one["name"]: one["version"] for one in tomllib.loads(project.lock.read_text())["artifact"]}


def test_a_pinned_subset_is_chosen_published_and_verified(project: Project, rhel: Rhel) -> None:
    add_yum(project, rhel, DEVEL, "app", "nvidia-driver-455*")
    locked = project.run("lock", "--json").json
    assert locked["external"] == {NAME: ["glibc", "libc.so.6()(64bit)"]}
    why = {one["name"]: one["why"] for one in locked["artifacts"]}
    assert why["libcudnn8"] == "needed by libcudnn8-devel"
    assert why["cudnn"] == "needed by app"  # by a path that filelists.xml alone tells of
    assert names(project)["nvidia-driver"] == "3:455.45.01-1.el8"
    assert names(project)["libcudnn8"] == "8.0.5.39-1.cuda11.1"
    project.run("sync")
    project.run("publish")
    assert project.run("verify", "--json").json["faults"] == []
    check_metadata(project)
    check_nothing_twice(project, rhel)


def check_metadata(project: Project) -> None:
    """The metadata describe exactly what is there, and createrepo_c reads them."""
    folder = project.site / "yum" / NAME
    rpms = {path.name for path in folder.glob("*.rpm")}
    found: list[createrepo_c.Package] = []
    createrepo_c.xml_parse_primary_snippet(
        read_gz(project, "primary.xml.gz").split("\n", 2)[2].rsplit("</metadata>", 1)[0], pkgcb=found.append
    )
    assert {one.location_href for one in found} == rpms
    for kind in ("filelists", "other"):
        assert read_gz(project, f"{kind}.xml.gz").count("<package ") == len(rpms)
    assert "libcudnn7" not in read_gz(project, "updateinfo.xml.gz") + read_gz(project, "comps.xml.gz")
    modules = read_gz(project, "modules.yaml.gz")
    assert "nvidia-driver-3:455.45.01-1.el8.x86_64" in modules
    assert "460" not in modules
    repomd = createrepo_c.Repomd(str(folder / "repodata/repomd.xml"))
    assert {one.type for one in repomd.records} == {"primary", "filelists", "other", "updateinfo", "group", "modules"}


def check_nothing_twice(project: Project, rhel: Rhel) -> None:
    """A run that finds nothing new costs one conditional request and changes nothing."""
    before = project.published()
    rhel.server.forget()
    assert not project.run("lock", "--json").json["written"]
    assert [one.status for one in rhel.server.seen()] == [304]
    assert project.run("sync", "--json").json["fetched_files"] == 0
    assert not project.run("publish", "--json").json["fresh"]
    assert project.published() == before


def test_a_newer_release_is_published_beside_the_last_metadata(project: Project, rhel: Rhel) -> None:
    """Revisions rise, names hold hashes, and what a client read a moment ago can still be had."""
    add_yum(project, rhel, "libstuff++")
    project.publish()
    folder = project.site / "yum" / NAME / "repodata"
    old, first = {path.name for path in folder.glob("*.gz")}, createrepo_c.Repomd(str(folder / "repomd.xml"))
    newer = write_rpm(simple_rpm("libstuff++", "1.0+git2", "1", "x86_64"), rhel.folder)
    sign_rpms([newer], rhel.keys, rhel.key)
    rhel.repo.add(newer)
    rhel.repo.publish()
    project.publish()
    second = createrepo_c.Repomd(str(folder / "repomd.xml"))
    assert names(project) == {"libstuff++": "1.0+git2-1"}
    assert int(second.revision) > int(first.revision)
    assert old < {path.name for path in folder.glob("*.gz")}
    assert project.run("verify", "--json").json["faults"] == []
    check_rollback(project, old, int(second.revision))


def check_rollback(project: Project, old: set[str], revision: int) -> None:
    """The older packages are shown again under a later revision, and the newer metadata can still be had."""
    folder = project.site / "yum" / NAME / "repodata"
    newer = {path.name for path in folder.glob("*.gz")}
    project.run("rollback", "1")
    third = createrepo_c.Repomd(str(folder / "repomd.xml"))
    assert int(third.revision) > revision
    assert {one.location_href.rpartition("/")[2] for one in third.records} == old
    assert {path.name for path in folder.glob("*.gz")} == newer
    assert [path.name for path in folder.parent.glob("*.rpm")] == ["libstuff++-1.0+git1-1.x86_64.rpm"]
    assert project.run("verify", "--json").json["faults"] == []


def test_pins_are_read_as_dnf_reads_them(project: Project, rhel: Rhel) -> None:
    add_yum(
        project, rhel, "libcudnn8.x86_64", "nvidia-driver-3:455.45.01-1.el8.x86_64", architectures=["x86_64", "aarch64"]
    )
    project.add("pin", upstream=NAME, packages=["libcudnn8"], architectures=["aarch64"])
    project.add("pin", upstream=NAME, packages=["libcudnn7*"], cuda="10.2")
    locked = {
        (one["name"], one["architecture"], one["version"]) for one in project.run("lock", "--json").json["artifacts"]
    }
    assert locked == {
        ("libcudnn8", "x86_64", "8.2.4.15-1.cuda11.4"),
        ("libcudnn8", "aarch64", "8.0.5.39-1.cuda11.1"),
        ("nvidia-driver", "x86_64", "3:455.45.01-1.el8"),
        ("libcudnn7", "x86_64", "7.6.5.32-1.cuda10.2"),
        ("libcudnn7-devel", "x86_64", "7.6.5.32-1.cuda10.2"),
    }


def test_a_boundary_is_left_to_the_distribution(project: Project, rhel: Rhel) -> None:
    add_yum(project, rhel, "app", boundary=["*cudnn*"])
    answer = project.run("lock", "--json").json
    assert [one["name"] for one in answer["artifacts"]] == ["app"]
    assert answer["external"] == {NAME: ["(libcudnn9 or libcudnn8)", "/usr/share/doc/cudnn/README", "glibc"]}


def test_what_cannot_be_installed_is_told_in_the_solvers_words(project: Project, rhel: Rhel) -> None:
    add_yum(project, rhel, DEVEL, "libcudnn8-8.2*")
    error = project.fail(6, "lock").error
    assert f"{DEVEL}.x86_64 (cannot be installed on x86_64)" in error
    assert "nothing provides libcudnn8 = 8.0.5.39-1.cuda11.1" in error
    project.sections[-1] = project.sections[-1].replace("libcudnn8-8.2", "libcudnn8-7.2")
    project.write()
    assert "matches nothing" in project.fail(6, "lock").error
    assert not project.lock.exists()


def test_the_signature_of_every_rpm_is_checked_once(project: Project, rhel: Rhel) -> None:
    add_yum(project, rhel, CUDNN, "libcudnn7")
    project.run("lock")
    project.run("sync")
    remembered = (project.store / "rpm-signatures").read_text().splitlines()
    assert sorted(line.split()[2] for line in remembered) == sorted([rhel.key.fingerprint, rhel.old_key.fingerprint])
    project.run("sync")
    assert (project.store / "rpm-signatures").read_text().splitlines() == remembered
    (project.store / "rpm-signatures").unlink()
    assert "signatures of 2 packages have not been checked" in project.fail(3, "publish").error
    project.run("sync")
    project.run("publish")

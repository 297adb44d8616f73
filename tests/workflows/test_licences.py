"""Licences are asked for all at once, before anything is unpacked, and hold back only what waits for them."""

from __future__ import annotations

from simulator.cudnn import CudnnRelease
from simulator.nvidia import Nvidia
from simulator.project import Project


def two_releases(project: Project, nvidia: Nvidia) -> tuple[bytes, bytes]:
    """Pin two releases whose licence texts differ; return the texts."""
    older = nvidia.artifacts.build(CudnnRelease("7.6.5.32", "10.2"))
    target = nvidia.downloads / older.archive.name
    target.write_bytes(older.archive.read_bytes())
    project.add_downloads(nvidia, "cudnn-11.1-linux-x64-v8.0.5.39.tgz", older.archive.name)
    newer = nvidia.built().parts.licence
    assert newer != older.parts.licence
    return newer, older.parts.licence


def packages(project: Project) -> set[str]:
    return {one.name.rpartition("-")[0] for one in (project.site / "conda/main/linux-64").glob("cudnn-[0-9]*.conda")}


def test_all_texts_are_asked_for_at_once(project: Project, nvidia: Nvidia) -> None:
    texts = two_releases(project, nvidia)
    project.run("lock")
    project.run("sync")
    told = project.fail(8, "repackage")
    for text in texts:
        kept = project.object(text)
        assert kept.read_bytes() == text
        assert str(kept) in told.hint
        assert f'"{kept.name}"' in told.hint
    assert "unpacking" not in told.err
    project.accept_eula(*texts)
    assert project.run("repackage", "--json").json["run"] == 2


def test_what_waits_for_a_licence_is_held_back_alone(project: Project, nvidia: Nvidia) -> None:
    newer, older = two_releases(project, nvidia)
    project.accept_eula(newer)
    project.run("lock")
    project.run("sync")
    project.fail(8, "repackage", "--keep-last")
    done = project.run("publish", "--keep-last", check=False)
    assert done.rc == 3, "nothing was published of it before, so it is left out, and that is told"
    assert "cudnn 7.6.5.32" in done.out
    assert packages(project) == {"cudnn-8.0.5.39"}
    project.accept_eula(older)
    project.run("repackage")
    project.run("publish")
    assert packages(project) == {"cudnn-8.0.5.39", "cudnn-7.6.5.32"}


def test_what_was_shown_stays_until_the_new_licence_is_accepted(project: Project, nvidia: Nvidia) -> None:
    newer, _ = two_releases(project, nvidia)
    both = project.sections
    project.sections = [one.replace(', "cudnn-10.2-linux-x64-v7.6.5.32.tgz"', "") for one in both]
    project.accept_eula(newer)
    project.publish()
    shown = packages(project)
    project.sections = [one.replace('"cudnn-11.1-linux-x64-v8.0.5.39.tgz", ', "") for one in both]
    project.write()
    project.run("lock")
    project.run("sync")
    project.fail(8, "repackage", "--keep-last")
    project.run("publish", "--keep-last")
    assert packages(project) == shown

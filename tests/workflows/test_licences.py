"""Licences are asked for all at once, before anything is unpacked, and hold back only what waits for them."""

from __future__ import annotations

import tomllib
from pathlib import Path

from simulator.cudnn import CudnnRelease
from simulator.nvidia import Nvidia
from simulator.project import Project
from tests.workflows.test_build_files import on_terminal

from cudepot.depot.builds import Job
from cudepot.digest import Digest, hexdigest
from cudepot.formats.release import Release
from cudepot.store.local import LocalStore
from cudepot.workflows.build.licences import Text, question


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
        assert kept.name in told.hint
    assert "unpacking" not in told.err
    assert "`cudepot licence accept " in told.hint
    project.accept_eula(*texts)
    assert project.run("repackage", "--json").json["run"] == 2


def test_they_are_listed_shown_and_accepted_without_a_network(project: Project, nvidia: Nvidia) -> None:
    texts = two_releases(project, nvidia)
    project.run("lock")
    unknown = project.run("licence", "list", "--json").json
    assert unknown == {"licences": [], "unknown": ["cudnn 8.0.5.39", "cudnn 7.6.5.32"]}
    project.run("sync")
    before = project.everything()
    listed = project.run("licence", "list", "--json").json["licences"]
    hashes = [hexdigest(text) for text in texts]
    assert [(one["sha256"], one["accepted"]) for one in listed] == [(one, False) for one in hashes]
    shown = project.run("licence", "show").out
    assert all(text.decode() in shown for text in texts)
    assert texts[1].decode() not in project.run("licence", "show", hashes[0][:12]).out
    project.run("licence", "accept", "--all", "--dry-run")
    assert project.everything() == before, "nothing of this changes anything"
    refused = project.fail(8, "licence", "accept")
    follow = refused.hint.partition("run `cudepot ")[2].partition("`")[0].split()
    assert project.run(*follow, "--json").json["waiting"] == []
    assert tomllib.loads(project.lock.read_text())["accepted-eula"] == sorted(hashes)
    assert project.run("repackage", "--json").json["run"] == 2
    project.run("publish")
    assert packages(project) == {"cudnn-8.0.5.39", "cudnn-7.6.5.32"}
    assert {one["accepted"] for one in project.run("licence", "list", "--json").json["licences"]} == {True}
    assert "accepted already" in project.run("licence", "accept").out


def test_one_of_several_is_accepted_and_comments_stay(project: Project, nvidia: Nvidia) -> None:
    newer, older = map(hexdigest, two_releases(project, nvidia))
    project.toml.write_text(
        "# ours\n" + project.toml.read_text().replace("accept-eula = []", "accept-eula = [] # read")
    )
    project.run("lock")
    project.run("sync")
    done = project.run("licence", "accept", older[:8])
    assert f"not accepted yet: {newer}" in done.out
    text = project.toml.read_text()
    assert text.startswith(f'# ours\naccept-eula = [\n    "{older}", # cudnn 7.6.5.32\n] # read\n')
    assert "is not the sha256 of any licence text here" in project.fail(3, "licence", "accept", "0" * 64).error
    told = project.fail(8, "repackage")
    assert newer in told.error
    assert older not in told.error


def test_a_list_in_an_odd_layout_is_changed_all_the_same(project: Project, nvidia: Nvidia) -> None:
    newer, _ = map(hexdigest, two_releases(project, nvidia))
    odd = f'accept-eula = [\n  "{"a" * 64}", # one\n  "{"b" * 64}" ]'
    project.toml.write_text(project.toml.read_text().replace("accept-eula = []", odd))
    project.run("lock")
    project.run("sync")
    project.run("licence", "accept", newer)
    assert f'  "{"a" * 64}", # one\n  "{"b" * 64}",\n  "{newer}", # ' in project.toml.read_text()


def test_on_a_terminal_each_text_is_shown_and_asked_for(project: Project, nvidia: Nvidia) -> None:
    newer, older = two_releases(project, nvidia)
    project.run("lock")
    project.run("sync")
    rc, told = on_terminal(project.base, "n\ny\n", "licence", "accept")
    assert rc == 0, told
    assert told.index(newer.decode().splitlines()[0]) < told.index(older.decode().splitlines()[0])
    assert tomllib.loads(project.toml.read_text())["accept-eula"] == [hexdigest(older)]


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


def test_thousands_of_texts_are_one_line_that_can_be_mailed(tmp_path: Path) -> None:
    job = Job("cudnn", Release("cudnn", "9.1.0.70", "12", "linux-64"), (), ())
    texts = [Text(job, Digest.of(str(number).encode())) for number in range(10_000)]
    asked = question(LocalStore(tmp_path, create=True), texts)
    assert "; and 9990 more texts have not been accepted" in str(asked)
    assert len(f"{asked}{asked.hint}") < 2000
    assert "`cudepot licence accept` shows each text and asks" in asked.hint

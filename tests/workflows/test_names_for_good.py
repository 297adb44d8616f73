"""A name that was published never gets other bytes: not after many snapshots, not after gc, not behind an air gap."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from simulator.keys import Key, KeyHome
from simulator.nvidia import Artifacts, Nvidia
from simulator.project import Project
from simulator.s3 import S3Server
from simulator.sides import Far
from simulator.site_key import SiteKey
from tests.projects import clone
from tests.workflows.test_bad_disk import KILLED

from cudepot.sealed import sealed

MANY = 13
"""Snapshots that come after: one more than `publish` looks back at for debs."""
OTHER = "[build]\nzstd-level = 3\ndeflate-level = 1\n"
"""Packs the same files into other bytes, under the same names."""


@pytest.fixture(scope="module")
def template(
    shown_template: Project,
    site_key_master: tuple[KeyHome, Key],
    nvidia_artifacts: Artifacts,
    tmp_path_factory: pytest.TempPathFactory,
) -> Project:
    """A project whose second snapshot of 15 alone has conda packages and a wheel; read only."""
    home, key = site_key_master
    folder = tmp_path_factory.mktemp("names")
    project = clone(shown_template, folder / "project", key.fingerprint, home.path)
    with Nvidia(nvidia_artifacts, folder / "up") as nvidia:
        project.add_downloads(nvidia)
        project.accept_eula(nvidia.built().parts.licence)
        project.publish()
    for _ in range(MANY):
        project.run("rollback", "1")
    return project


@pytest.fixture
def aged(template: Project, site_key: SiteKey, tmp_path: Path) -> Project:
    """The same project for this test alone. The artifact is in the store: no upstream is asked any more."""
    project = clone(template, tmp_path / "project", site_key.fingerprint, site_key.home)
    project.eula = template.eula
    project.write()
    return project


def with_build(project: Project, table: str) -> Project:
    """Pack from now on as ``table`` says."""
    project.sections = [one for one in project.sections if not one.startswith("[build]")] + [table][: bool(table)]
    project.write()
    project.run("repackage")
    return project


def record(project: Project) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (project.store / "published.log").read_text().splitlines()]


def named(project: Project) -> list[dict[str, Any]]:
    return [one for one in record(project) if one["names"]]


def refused(project: Project) -> str:
    """The packages are refused and the other upstream goes on; no name gets other bytes."""
    kept = named(project)
    done = project.fail(5, "publish", "--release-rollback")
    assert (project.site / "apt/local/hello_1.0_amd64.deb").exists()
    assert not [one for one in project.site.rglob("*") if one.suffix in (".conda", ".whl")]
    assert named(project) == kept
    assert "raise `number` in [build]" in done.hint
    return done.error


def test_a_name_of_long_ago_keeps_its_bytes(aged: Project) -> None:
    assert "linux-64/cudnn-8.0.5.39-cuda11.1_" in refused(with_build(aged, OTHER))
    aged.fail(5, "publish", "--dry-run", "--release-rollback")
    with_build(aged, "[build]\nnumber = 2\nzstd-level = 3\n").run("publish")
    with_build(aged, "").run("publish")
    shown = {str(one.relative_to(aged.site)) for one in aged.site.rglob("*") if one.suffix in (".conda", ".whl")}
    assert len(shown) == 2, "the bytes it had before are welcome, and the newer build is another name"
    assert aged.run("verify", "--json").json["faults"] == []


def test_a_wheel_keeps_its_bytes(aged: Project) -> None:
    error = refused(with_build(aged, "[build]\ndeflate-level = 1\n"))
    assert "nvidia_cudnn_cu11-8.0.5.39+acme.1-" in error


def test_gc_does_not_forget(aged: Project) -> None:
    aged.run("gc", "--keep", "1", "--force")
    assert [one["snapshot"] for one in record(aged)] == list(range(1, MANY + 3))
    assert "linux-64/cudnn-8.0.5.39-cuda11.1_" in refused(with_build(aged, OTHER))
    aged.fail(5, "publish", "--dry-run", "--release-rollback")


def test_a_store_without_a_record_gets_one_of_its_snapshots(aged: Project) -> None:
    before = record(aged)
    (aged.store / "published.log").unlink()
    assert aged.run("verify", "--json").json["faults"] == []
    aged.run("gc", "--keep", "1", "--force")
    assert record(aged) == before
    assert "linux-64/cudnn-8.0.5.39-cuda11.1_" in refused(with_build(aged, OTHER))


def test_a_run_killed_before_it_recorded_is_made_up_for(aged: Project) -> None:
    with_build(aged, "[build]\nnumber = 2\n")
    child = (sys.executable, "-c", KILLED, "cudepot.workflows.publish.make_snapshot:.record_names", "1")
    killed = aged.run("publish", "--release-rollback", "-C", str(aged.base), check=False, prefix=(*child,))
    assert killed.rc != 0
    assert len(record(aged)) == MANY + 2
    aged.run("publish", "--release-rollback")
    aged.run("rollback", "1")
    assert len(record(aged)) == MANY + 4
    with_build(aged, "[build]\nnumber = 2\nzstd-level = 3\n")
    assert "would become" in refused(aged)


def test_a_changed_record_is_a_fault_and_is_mended(aged: Project) -> None:
    log = aged.store / "published.log"
    whole = log.read_bytes()
    lines = whole.splitlines(keepends=True)
    flipped = lines[1].replace(b"cudnn", b"cudmn", 1)
    log.write_bytes(b"".join([lines[0], flipped, *lines[2:]]))
    with_build(aged, OTHER)
    assert "published.log, line 2: was changed" in aged.fail(10, "publish").error
    assert any("published.log, line 2" in one for one in aged.run("verify", "--json", check=False).json["faults"])
    assert "published.log: 1 damaged lines taken out, 0 of them" in aged.run("verify", "--repair").out
    assert log.read_bytes() == whole
    refused(aged)


def test_a_record_that_says_other_than_a_snapshot_is_a_fault(aged: Project) -> None:
    log = aged.store / "published.log"
    whole = log.read_bytes()
    wrong = [{"snapshot": one["snapshot"], "names": {}} for one in record(aged)]
    log.write_text("".join(json.dumps(sealed(one)) + "\n" for one in wrong))
    faults = aged.run("verify", "--json", check=False).json["faults"]
    assert [one.rpartition("log, ")[2] for one in faults] == ["line 2: does not match snapshot 2"]
    aged.run("verify", "--repair")
    assert [one["names"] for one in record(aged)] == [json.loads(one)["names"] for one in whole.splitlines()]


def test_a_record_that_is_none_is_told(aged: Project) -> None:
    log = aged.store / "published.log"
    whole = log.read_text()
    for line in ("[]", "{", '{"snapshot": 0}', '{"snapshot": 3, "names": {"a.whl": "no hash"}}'):
        log.write_text(f"{whole}{line}\n")
        assert f"published.log, line {MANY + 3}" in aged.fail(10, "publish", "--dry-run").error
    assert "1 of them from snapshots that are gone" in aged.run("verify", "--repair").out
    assert log.read_text() == whole


def test_a_bucket_keeps_the_bytes_of_a_name(
    aged: Project, s3_server: Callable[[str], S3Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = s3_server("moto")
    where = f'type = "s3"\nbucket = "{server.bucket()}"\nendpoint = "{server.url}"\n'
    aged.env |= server.env
    aged._head = aged._head.replace("[site]\n", f"[site]\n{where}")
    aged.write()
    aged.run("rollback", "1")
    assert "linux-64/cudnn-8.0.5.39-cuda11.1_" in refused(with_build(aged, OTHER))


def test_a_far_side_refuses_what_a_forgetful_near_side_sends(aged: Project, site_key: SiteKey, tmp_path: Path) -> None:
    far = Far(tmp_path / "far", site_key.key_file).init()
    toml = far.base / "cudepot.toml"
    toml.write_text(toml.read_text().replace("unsigned-upstreams = []", 'unsigned-upstreams = ["local"]'))
    aged.run("rollback", "2")
    first = tmp_path / "first.tar"
    aged.run("bundle", "export", str(first), "--since", "0")
    assert far.take(first)["imported"] == [MANY + 3]
    far.run("publish")
    aged.run("rollback", "1")
    (aged.store / "exported").rename(tmp_path / "lost")
    aged.run("gc", "--keep", "1", "--force")
    (aged.store / "published.log").unlink()
    with_build(aged, OTHER).run("publish", "--release-rollback")
    second = tmp_path / "second.tar"
    aged.run("bundle", "export", str(second), "--since", "0")
    assert "linux-64/cudnn-8.0.5.39-cuda11.1_" in far.refuse(5, second)
    assert [one["snapshot"] for one in record(far)] == [MANY + 3]

"""Environments of conda packages: solved over checked records, published closed, installed from the site alone."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from simulator.conda_channel import FORMS, CondaChannel, CondaPackage
from simulator.project import Project
from simulator.server import Server
from simulator.sides import Far
from simulator.site_key import SiteKey
from tests.clients import conda_env
from tests.kinds.conda.world import NAME, Forge, forging

from cudepot.catalog.lock_document import parse_lock
from cudepot.catalog.site.snapshot import parse_snapshot
from cudepot.cli.progress import Silent
from cudepot.digest import Digest
from cudepot.errors import TrustError
from cudepot.store.local import LocalStore
from cudepot.workflows.bundle.environments import prove_environments

PACKAGES = (
    CondaPackage("python", "3.12.8", "h1_0", depends=("libzlib", "tzdata", "__glibc >=2.17", "__unix")),
    CondaPackage("pip", "25.0", "py_0", depends=("python >=3.9",), subdir="noarch"),
    CondaPackage("cuda-version", "12.9", "h0_0", constrains=("__cuda >=12",), subdir="noarch"),
    CondaPackage("cuda-version", "13.0", "h0_0", constrains=("__cuda >=13",), subdir="noarch"),
    CondaPackage("libcublas", "12.9.1", "h0_0", depends=("cuda-version >=12.9,<13.0a0",)),
    CondaPackage("libcublas", "13.0.1", "h0_0", depends=("cuda-version >=13.0,<14.0a0",)),
    CondaPackage("cudnn", "9.10", "h12_0", depends=("libcublas >=12,<13.0a0", "libzlib")),
    CondaPackage("cudnn", "9.10", "h13_0", depends=("libcublas >=13,<14.0a0", "libzlib")),
    CondaPackage("unrelated", "1.0"),
    *(
        CondaPackage(name, version, build, number, depends, subdir="linux-aarch64")
        for name, version, build, number, depends in (
            ("libzlib", "1.3.1", "h1_2", 2, ()),
            ("python", "3.12.8", "h1_0", 0, ("libzlib", "tzdata")),
        )
    ),
)


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    with forging(tmp_path, PACKAGES) as made:
        yield made


def want(project: Project, forge: Forge, *specs: str, **more: object) -> None:
    project.sections.clear()
    project.add("upstream", name=NAME, type="conda", url=forge.url)
    project.add("environment", name="dl", conda=list(specs), **more)


def members(project: Project) -> dict[str, list[str]]:
    (found,) = tomllib.loads(project.lock.read_text())["environment"]
    return {
        one["name"]: [each.rpartition("/")[2].rsplit("-", 1)[0] for each in one["members"]] for one in found["target"]
    }


def publish(project: Project) -> None:
    for verb in ("lock", "sync", "publish"):
        project.run(verb)


def test_a_closed_channel_installs_what_is_locked(project: Project, forge: Forge, tmp_path: Path) -> None:
    want(project, forge, "python=3.12", "cudnn", cuda="12.9")
    publish(project)
    locked = ["cuda-version-12.9", "cudnn-9.10", "libcublas-12.9.1", "libzlib-1.3.1", "pip-25.0", "python-3.12.8",
              "tzdata-2026.1"]  # fmt: skip
    assert {name: sorted(each) for name, each in members(project).items()} == {"linux-64-cuda12.9": locked}
    with Server(project.site) as site:
        for number, channel in enumerate(("environments/dl/conda", "conda/main", f"conda/{NAME}")):
            place = tmp_path / f"env{number}"
            found = conda_env.create([f"{site.url}/{channel}"], ["python=3.12", "cudnn", "pip"], place, cuda="12.9")
            assert sorted(f"{one.name}-{one.version}" for one in found.values()) == locked, channel
            assert (place / "share/cudnn/version").read_text() == "9.10"
    assert "all good" in project.run("verify").out


def test_without_a_driver_the_newest_cuda_is_taken(project: Project, forge: Forge) -> None:
    want(project, forge, "cudnn")
    project.run("lock")
    assert "cuda-version-13.0" in members(project)["linux-64"]


def test_the_lock_is_the_same_whichever_form_is_read(project: Project, forge: Forge) -> None:
    found = []
    for form in FORMS:
        forge.channel.forms = (form,)
        forge.channel.publish()
        want(project, forge, "python", "cudnn", cuda="12.9")
        project.lock.unlink(missing_ok=True)
        project.run("lock")
        found.append({key: value for key, value in document(project).items() if key != "upstream"})
    assert found[0] == found[1] == found[2]


def document(project: Project) -> dict[str, Any]:
    return tomllib.loads(project.lock.read_text())


def test_nothing_new_costs_a_conditional_request_a_subdir(project: Project, forge: Forge) -> None:
    want(project, forge, "python")
    project.run("lock")
    before = project.lock.read_bytes()
    forge.server.forget()
    project.run("lock")
    assert [one.status for one in forge.server.requests] == [304, 304]
    assert project.lock.read_bytes() == before


def test_newer_versions_are_taken_when_asked_for(project: Project, forge: Forge) -> None:
    want(project, forge, "python")
    project.run("lock")
    forge.channel.add(CondaPackage("python", "3.12.9", "h1_0", depends=("libzlib",)))
    forge.channel.add(CondaPackage("tzdata", "2026.2", "h2_0", subdir="noarch"))
    forge.channel.publish()
    project.run("lock")
    assert "python-3.12.8" in members(project)["linux-64"]
    project.run("lock", "--upgrade", "tzdata")
    assert {"python-3.12.8", "tzdata-2026.2"} <= set(members(project)["linux-64"])
    project.run("lock", "--upgrade")
    assert "python-3.12.9" in members(project)["linux-64"]


def test_platforms_may_have_packages_of_one_name(project: Project, forge: Forge, tmp_path: Path) -> None:
    want(project, forge, "python", platforms=["linux-64", "linux-aarch64"])
    publish(project)
    assert members(project).keys() == {"linux-64", "linux-aarch64"}
    for platform in members(project):
        found = conda_env.solve(
            [project.site / "environments/dl/conda"], ["python"], tmp_path / platform, platform=platform
        )
        assert found["libzlib"].subdir == platform


def test_a_pin_beside_it_does_not_move_it(project: Project, forge: Forge) -> None:
    want(project, forge, "libzlib <1.3")
    project.add("pin", upstream=NAME, packages=["libzlib"])
    publish(project)
    assert members(project) == {"linux-64": ["libzlib-1.2.13"]}


def test_no_solution_is_told_for_every_target(project: Project, forge: Forge) -> None:
    want(project, forge, "python", "cudnn", platforms=["linux-64", "linux-aarch64"])
    done = project.fail(6, "lock")
    assert "linux-aarch64: " in done.error
    assert "cudnn" in done.error
    assert "__glibc=2.28" in done.hint


def test_exports_and_trees(project: Project, forge: Forge) -> None:
    want(project, forge, "python", "cudnn", cuda="12.9")
    publish(project)
    assert "libcublas" in project.run("tree").out
    project.run("export", "--environment", "dl", "--url", "https://packages.example", "--output", "out")
    text = (project.base / "out/dl-linux-64-cuda12.9.txt").read_text()
    assert "https://packages.example/conda/conda-forge/linux-64/cudnn-9.10-h12_0.conda#sha256:" in text


def test_what_a_channel_withdraws_stays_until_it_is_to_move(project: Project, forge: Forge) -> None:
    want(project, forge, "python")
    publish(project)
    forge.channel.add(CondaPackage("libzlib", "1.3.1", "h2_3", 3))
    forge.channel.withdraw("linux-64", "libzlib-1.3.1-h1_2.conda")
    forge.channel.publish()
    before = project.lock.read_bytes()
    done = project.run("lock", check=False)
    assert done.rc
    assert "no longer offers what is locked: linux-64/libzlib-1.3.1-h1_2.conda" in done.err
    assert project.lock.read_bytes() == before
    project.run("publish")
    project.run("lock", "--upgrade", "libzlib")
    assert "libzlib-1.3.1-h2_3.conda" in project.lock.read_text()


def test_the_first_channel_that_has_a_name_is_the_only_one_for_it(project: Project, forge: Forge) -> None:
    other = CondaChannel(forge.server.root / "vendor")
    other.add(CondaPackage("libzlib", "1.2.0", "vendor_0"))
    other.add(CondaPackage("app", depends=("libzlib", "tzdata")))
    other.publish()
    for order, version in (("vendor", NAME), "1.2.0"), ((NAME, "vendor"), "1.3.1"):
        want(project, forge, "app", channels=list(order))
        project.add("upstream", name="vendor", type="conda", url=f"{forge.server.url}/vendor")
        publish(project)
        assert f"libzlib-{version}" in members(project)["linux-64"]


def test_the_far_side_of_an_air_gap_gets_it_too(
    project: Project, forge: Forge, site_key: SiteKey, tmp_path: Path
) -> None:
    want(project, forge, "python=3.12", "cudnn", cuda="12.9")
    publish(project)
    project.run("bundle", "export", str(tmp_path / "one.tar"), "--since", "0")
    far = Far(tmp_path / "far", site_key.key_file).init()
    assert far.take(tmp_path / "one.tar")["imported"] == [1]
    far.run("publish")
    assert far.run("verify", "--json").json["faults"] == []
    assert "libcublas" in far.run("why", "libcublas").out
    with Server(far.base / "site/current") as site:
        found = conda_env.create(
            [f"{site.url}/environments/dl/conda"], ["python=3.12", "cudnn"], tmp_path / "env", cuda="12.9"
        )
    assert found["cudnn"].build == "h12_0"


def test_a_rollback_brings_back_what_was(project: Project, forge: Forge) -> None:
    want(project, forge, "libzlib <1.3")
    publish(project)
    first = sorted(str(one.relative_to(project.site)) for one in (project.site / "environments").rglob("*"))
    want(project, forge, "libzlib >=1.3")
    publish(project)
    project.run("rollback", "1")
    assert sorted(str(one.relative_to(project.site)) for one in (project.site / "environments").rglob("*")) == first
    project.run("publish", "--release-rollback")
    assert "all good" in project.run("verify").out
    assert "snapshots kept: 4" in project.run("gc", "--keep", "1", "--force").out
    assert not list((project.site / f"conda/{NAME}").rglob("libzlib-1.2*"))


def test_an_environment_that_is_not_proved_stays_as_it_was(project: Project, forge: Forge) -> None:
    """What is locked is not what a client would get: here because somebody changed the lock."""
    want(project, forge, "numpy", "libzlib")
    publish(project)
    shown = (project.site / "environments/dl/conda/linux-64/repodata.json").read_bytes()
    text = project.lock.read_text()
    gone = next(line for line in text.splitlines() if "//linux-64/libzlib" in line)
    project.lock.write_text(text.replace(gone + "\n", ""))
    done = project.run("publish", check=False)
    assert done.rc
    assert "environment dl" in done.err
    assert (project.site / "environments/dl/conda/linux-64/repodata.json").read_bytes() == shown


def test_shards_are_read_once_whoever_asks(project: Project, forge: Forge) -> None:
    """And forgotten once no index names them."""
    want(project, forge, "python")
    project.add("pin", upstream=NAME, packages=["numpy"])
    project.run("lock")
    forge.channel.add(CondaPackage("unrelated", "2.0"))
    forge.channel.publish()
    forge.server.forget()
    project.run("lock")
    assert not forge.server.count("*/shards/*")
    forge.channel.add(CondaPackage("libzlib", "1.3.2"))
    forge.channel.publish()
    project.run("lock")
    assert forge.server.count("*/shards/*") == 1
    (memory,) = (project.store / "upstreams").iterdir()
    names = {"python", "libzlib", "tzdata", "pip", "numpy"}
    kept = [one for one in json.loads(memory.read_text()) if "/shards/" in one]
    assert len(kept) == len(names)


@pytest.mark.parametrize("channel", ["environments/dl/conda", f"conda/{NAME}"])
def test_other_bytes_under_a_name_that_the_index_has_are_found_out(
    project: Project, forge: Forge, channel: str
) -> None:
    """Of the environment's own channel, or of the one that is called as its upstream."""
    want(project, forge, "libzlib <1.3")
    publish(project)
    store = LocalStore(project.store)
    snapshot = parse_snapshot(store.snapshots.read(1)[0], "snapshot 1")
    lock = parse_lock(tomllib.loads(project.lock.read_text()))
    prove_environments(store, Silent(), lock, snapshot.tree)
    path = f"{channel}/linux-64/libzlib-1.2.13-h0_6.conda"
    assert path in snapshot.tree
    with pytest.raises(TrustError, match=r"would not get the locked packages: .*libzlib-1.2.13-h0_6.conda"):
        prove_environments(store, Silent(), lock, {**snapshot.tree, path: Digest.of(b"other")})


def test_a_lock_that_names_other_bytes_than_the_site_is_found_out(project: Project, forge: Forge) -> None:
    want(project, forge, "libzlib <1.3")
    publish(project)
    store = LocalStore(project.store)
    snapshot = parse_snapshot(store.snapshots.read(1)[0], "snapshot 1")
    lock = parse_lock(tomllib.loads(project.lock.read_text()))
    artifacts = tuple(replace(one, digest=Digest.of(b"other")) for one in lock.artifacts)
    with pytest.raises(TrustError, match="is not on the site as the lock has it"):
        prove_environments(store, Silent(), replace(lock, artifacts=artifacts), snapshot.tree)

"""Work by Dask: the same results as on one machine; no worker needs the project or the key."""

from __future__ import annotations

import pytest
from simulator.dask import Cluster
from simulator.nvidia import Nvidia
from simulator.project import Project
from tests.stores.machines import Machines


@pytest.fixture
def nvidias(few: Machines, nvidia: Nvidia) -> Project:
    """A machine that fetches from NVIDIA and repackages."""
    return with_nvidia(few.new("one"), nvidia)


def with_nvidia(project: Project, nvidia: Nvidia) -> Project:
    project.sections = [one for one in project.sections if one.startswith("[store]")]
    project.add_apt(nvidia, recipe="cudnn", outputs=["mirror", "conda", "wheel"])
    project.add_wheels(nvidia)
    project.accept_eula(nvidia.built().parts.licence)
    return project


def test_workers_fetch_hash_and_build_as_one_machine_does(
    few: Machines, nvidias: Project, nvidia: Nvidia, workers: Cluster
) -> None:
    by = ("--workers", workers.address)
    nvidias.run("lock")
    synced = nvidias.run("sync", "--json", *by).json
    assert synced["fetched_files"] == synced["files"] > 0
    made = nvidias.run("repackage", "--json", *by).json
    assert made["failed"] == []
    assert made["run"] == len(made["jobs"]) > 0
    objects = {path.name for path in (nvidias.store / "objects").glob("*/*")}
    assert not objects & {one["digest"]["sha256"] for one in made["built"]}, "they never came here"
    nvidias.run("publish")
    assert nvidias.run("verify", "--json", *by).json["faults"] == []

    alone = with_nvidia(few.project("alone"), nvidia)
    alone.run("init")
    alone.run("lock")
    alone.run("sync")
    assert alone.run("repackage", "--json").json["built"] == made["built"]


def test_a_worker_that_dies_costs_repeating_and_no_more(few: Machines, nvidias: Project, workers: Cluster) -> None:
    nvidias.run("lock")
    child = nvidias.start("sync", "--json", "--workers", workers.address)
    workers.kill("worker-0")
    workers.worker("worker-0")
    _, err = child.communicate(timeout=240)
    assert child.returncode == 0, err
    assert nvidias.run("sync", "--json").json["fetched_files"] == 0


def test_a_licence_is_asked_for_as_without_workers(nvidias: Project, workers: Cluster) -> None:
    nvidias.eula = ()
    nvidias.write()
    nvidias.run("lock")
    nvidias.run("sync")
    alone = nvidias.fail(8, "repackage")
    by = nvidias.fail(8, "repackage", "--workers", workers.address)
    assert by.error == alone.error


@pytest.mark.lengthy
def test_what_is_wrong_with_workers_is_told(few: Machines, shown: Project, workers: Cluster) -> None:
    one = few.new("one")
    said = one.fail(3, "verify", "--workers", "tcp://127.0.0.1:9")
    assert "tcp://127.0.0.1:9: no Dask scheduler answers there" in said.error
    assert "is for a store in a bucket" in shown.fail(3, "sync", "--workers", workers.address).error
    said = one.fail(3, "repackage", "--workers", workers.address, "--recipes", "x")
    assert "--recipes and --workers do not go together" in said.error


def test_another_version_is_refused() -> None:
    from cudepot.cli.worker_tasks import Settings, Trouble, hash_objects

    found = hash_objects(Settings("0.0.1", "", (), 0), ["0" * 64])
    assert isinstance(found, Trouble)
    assert found.kind == "ConfigError"
    assert "this is 0.0.1" in found.text


def test_errors_are_sent_as_what_they_are() -> None:
    from cudepot import errors
    from cudepot.cli.worker_tasks import error_of, trouble_of
    from cudepot.digest import Digest, mismatch

    for one in (errors.MissingError("m", hint="h"), errors.TransientError("t"), errors.EulaError("e", hint="x")):
        back = error_of(trouble_of(one))
        assert (type(back), str(back), back.hint) == (type(one), str(one), one.hint)
    other = mismatch("x", Digest.of(b"1"), Digest.of(b"2"))
    assert type(error_of(trouble_of(other))) is errors.TrustError


def test_no_secret_is_sent_to_the_scheduler(few: Machines, nvidias: Project, workers: Cluster) -> None:
    nvidias.run("lock")
    nvidias.run("sync", "--workers", workers.address)
    secret = few.server.env["AWS_SECRET_ACCESS_KEY"]
    logs = "".join(one.read_text(errors="replace") for one in workers.folder.glob("*.log"))
    assert secret not in logs
    text = nvidias.toml.read_text()
    assert secret not in text, "and nothing else of the project is sent"

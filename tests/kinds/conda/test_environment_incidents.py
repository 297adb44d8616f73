"""What goes wrong with channels that environments come from: named, the last good lock and site kept."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.conda_channel import FORMS, CondaPackage
from simulator.faults import Replace
from simulator.project import Project
from simulator.server import Server
from tests.clients import conda_env
from tests.kinds.conda.world import NAME, Forge

LIB = "libzlib-1.3.1-h1_2.conda"
NEXT = CondaPackage("libzlib", "1.3.2", "h1_0", files=(("etc/next", "yes"),))
NEW = "libzlib-1.3.2-h1_0.conda"


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    (tmp_path / "channels").mkdir()
    with Server(tmp_path / "channels") as server:
        yield Forge(server)


@pytest.fixture
def published(project: Project, forge: Forge) -> Project:
    """A project that shows an environment with a zlib."""
    project.add("upstream", name=NAME, type="conda", url=forge.url)
    project.add("environment", name="dl", conda=["libzlib", "tzdata"])
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    return project


def newer(forge: Forge) -> None:
    forge.channel.add(NEXT)
    forge.channel.publish()


def shown(project: Project) -> str:
    return (project.site / "environments/dl/conda/linux-64/repodata.json").read_text()


def members(project: Project) -> list[str]:
    """Return subdir and file name of what is locked for the environment."""
    (found,) = tomllib.loads(project.lock.read_text())["environment"]
    return ["/".join(one.split("/")[-2:]) for target in found["target"] for one in target["members"]]


def kept(project: Project, before: tuple[bytes, str]) -> bool:
    """Return whether the lock is the one from before, and the site as well after another ``publish``."""
    project.run("publish", check=False)
    return (project.lock.read_bytes(), shown(project)) == before


def named(project: Project, code: int, *argv: str) -> str:
    """Return what is said when a verb fails, and what ``status`` calls it from then on."""
    return project.fail(code, *argv).error + project.run("status", check=False).out


def state(project: Project) -> tuple[bytes, str]:
    return project.lock.read_bytes(), shown(project)


def test_an_index_ahead_of_its_files(published: Project, forge: Forge) -> None:
    before = shown(published)
    newer(forge)
    forge.channel.lose("linux-64", NEW)
    published.run("lock", "--upgrade")
    done = published.fail(4, "sync")
    assert "index names a file that is not there" in done.error
    assert NEW in done.error
    published.run("publish", check=False)
    assert shown(published) == before
    forge.channel.add(NEXT)
    for verb in ("sync", "publish"):
        published.run(verb)
    assert NEW in json.loads(shown(published))["packages.conda"]


def test_a_file_that_went_missing_is_not_needed_any_more(published: Project, forge: Forge) -> None:
    before = state(published)
    forge.channel.lose("linux-64", LIB)
    for verb in ("lock", "sync", "publish"):
        published.run(verb)
    assert state(published) == before


def test_a_file_with_other_bytes_than_its_record_says(published: Project, forge: Forge) -> None:
    before = shown(published)
    newer(forge)
    forge.channel.rebuild("linux-64", NEW)
    published.run("lock", "--upgrade")
    assert "same size, other content" in published.fail(5, "sync").error
    published.run("publish", check=False)
    assert shown(published) == before


def test_other_bytes_under_a_name_are_an_alarm(published: Project, forge: Forge) -> None:
    before = state(published)
    forge.channel.add(CondaPackage("libzlib", "1.3.1", "h1_2", 2, files=(("etc/x", "rebuilt"),)))
    forge.channel.publish()
    assert "version changed in place" in named(published, 5, "lock")
    assert kept(published, before)
    published.run("lock", "--accept-changed", "libzlib")


def test_a_record_that_was_patched_is_taken_and_solved_anew(published: Project, forge: Forge) -> None:
    forge.channel.patch("linux-64", LIB, depends=["tzdata >=2026"])
    forge.channel.publish()
    for verb in ("lock", "sync", "publish"):
        published.run(verb)
    assert '"depends":["tzdata >=2026"]' in shown(published)


def test_a_record_patched_so_that_nothing_solves(published: Project, forge: Forge) -> None:
    before = state(published)
    for name in [LIB, *(one for one in forge.channel.records["linux-64"] if one.startswith("libzlib-"))]:
        forge.channel.patch("linux-64", name, depends=["nowhere"])
    forge.channel.publish()
    done = published.fail(6, "lock")
    assert "nowhere" in done.error
    assert kept(published, before)


def test_a_record_that_was_withdrawn(published: Project, forge: Forge) -> None:
    before = state(published)
    newer(forge)
    forge.channel.withdraw("linux-64", LIB)
    forge.channel.publish()
    done = published.fail(4, "lock")
    assert f"no longer offers what is locked: linux-64/{LIB}" in done.error
    assert "--upgrade libzlib" in done.hint
    assert kept(published, before)


@pytest.mark.parametrize("form", FORMS)
def test_a_mirror_that_is_hours_behind(published: Project, forge: Forge, form: str) -> None:
    forge.channel.forms = (form,)
    forge.channel.publish()
    published.run("lock")
    index = {"shards": "repodata_shards.msgpack.zst", "zst": "repodata.json.zst", "plain": "repodata.json"}[form]
    path = forge.channel.root / "linux-64" / index
    old, dated = path.read_bytes(), path.stat().st_mtime
    newer(forge)
    for verb in ("lock", "sync", "publish"):
        published.run(verb, *(["--upgrade"] if verb == "lock" else []))
    before = state(published)
    forge.server.fault(f"/{NAME}/linux-64/{index}", Replace(old, modified=dated))
    said = named(published, 5, "lock")
    assert "stale edge" in said
    assert f"{forge.url}linux-64/{index}: dated " in said
    assert kept(published, before)
    published.run("lock", "--upgrade", "--allow-rollback")
    assert f"linux-64/{NEW}" not in members(published)


def test_pins_do_not_go_back_with_a_mirror_either(project: Project, forge: Forge) -> None:
    forge.pin(project, "libzlib")
    index = f"/{NAME}/linux-64/repodata_shards.msgpack.zst"
    file = forge.server.root / index.lstrip("/")
    old, dated = file.read_bytes(), file.stat().st_mtime
    newer(forge)
    project.run("lock")
    before = project.lock.read_bytes()
    forge.server.fault(index, Replace(old, modified=dated))
    assert "stale edge" in project.fail(5, "lock").error
    assert project.lock.read_bytes() == before
    project.run("lock", "--allow-rollback")
    assert LIB in project.lock.read_text()


def test_a_shard_that_is_not_the_one_its_index_names(published: Project, forge: Forge) -> None:
    before = state(published)
    newer(forge)
    forge.channel.forge_shard("linux-64", "libzlib", depends=["evil-package"], sha256="11" * 32)
    assert "shard is not the one its index names" in named(published, 5, "lock", "--upgrade")
    assert kept(published, before)
    forge.channel.publish()
    published.run("lock", "--upgrade")
    assert f"linux-64/{NEW}" in members(published)


def test_an_index_whose_shards_are_not_there_yet(published: Project, forge: Forge) -> None:
    before = state(published)
    newer(forge)
    for shard in (forge.channel.root / "linux-64/shards").iterdir():
        shard.unlink()
    assert "index names a shard that is not there" in named(published, 4, "lock", "--upgrade")
    assert kept(published, before)


def test_waiting_reads_everything_anew(published: Project, forge: Forge) -> None:
    newer(forge)
    good = {path: path.read_bytes() for path in (forge.channel.root / "linux-64/shards").iterdir()}
    forge.channel.forge_shard("linux-64", "libzlib", depends=["evil-package"])
    (forged,) = [path for path, data in good.items() if path.read_bytes() != data]
    stale = forged.read_bytes()
    forged.write_bytes(good[forged])
    forge.server.fault(f"/{NAME}/linux-64/shards/{forged.name}", Replace(stale, times=2))
    published.run("lock", "--upgrade", "--wait", "60")
    assert f"linux-64/{NEW}" in members(published)


def test_a_shard_that_another_environment_alone_needs_stops_that_one(published: Project, forge: Forge) -> None:
    """They are read together, but each fails for itself."""
    published.add("environment", name="other", conda=["numpy"])
    newer(forge)
    forge.channel.forge_shard("linux-64", "numpy", depends=["evil-package"])
    done = published.run("lock", "--upgrade", check=False)
    assert done.rc
    assert "environment other" in done.err
    assert "shard of numpy does not match its index" in done.err
    assert f"linux-64/{NEW}" in members(published)


def test_one_environment_that_fails_does_not_stop_the_next(published: Project, forge: Forge) -> None:
    published.add("environment", name="none", conda=["nowhere"])
    published.add("environment", name="other", conda=["numpy"])
    done = published.run("lock", check=False)
    assert done.rc
    assert "environment none" in done.err
    assert 'name = "other"' in published.lock.read_text()


@pytest.mark.parametrize("form", FORMS)
def test_clients_come_to_what_is_locked_whichever_form_they_read(published: Project, tmp_path: Path, form: str) -> None:
    with Server(published.site) as site:
        channel = f"{site.url}/environments/dl/conda"
        found = conda_env.solve([channel], ["libzlib", "tzdata"], tmp_path / "cache", form=form)
        served = {one.path.rpartition("/")[2] for one in site.requests if one.status == 200}
    assert sorted(f"{one.name}-{one.version}" for one in found.values()) == ["libzlib-1.3.1", "tzdata-2026.1"]
    index = {"shards": "repodata_shards.msgpack.zst", "zst": "repodata.json.zst", "plain": "repodata.json"}[form]
    assert index in served

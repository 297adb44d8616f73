"""What goes wrong with channels: named, the last good lock and site kept, changed bytes an alarm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.conda_channel import CondaPackage
from simulator.faults import Replace
from simulator.project import Project
from tests.kinds.conda.world import NAME, Forge, forging, locked, shown

ZLIB, LIB = "zlib-1.3.1-h1_2.conda", "libzlib-1.3.1-h1_2.conda"


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    with forging(tmp_path) as made:
        yield made


@pytest.fixture
def published(project: Project, forge: Forge) -> Project:
    """A project that shows a zlib."""
    forge.pin(project, "zlib", "libzlib 1.3.1")
    project.publish()
    return project


def newer(forge: Forge) -> None:
    forge.channel.add(CondaPackage("zlib", "1.3.2", "h3_0", 0, ("libzlib",)))
    forge.channel.publish()


def test_an_index_ahead_of_its_files(published: Project, forge: Forge) -> None:
    before = shown(published, NAME)
    newer(forge)
    forge.channel.lose("linux-64", "zlib-1.3.2-h3_0.conda")
    published.run("lock")
    done = published.fail(4, "sync")
    assert "index names a file that is not there" in done.error
    assert "zlib-1.3.2-h3_0.conda" in done.error
    published.run("publish", check=False)
    assert shown(published, NAME) == before, "what was published stays"


def test_a_file_with_other_bytes(published: Project, forge: Forge) -> None:
    before = shown(published, NAME)
    newer(forge)
    forge.channel.rebuild("linux-64", "zlib-1.3.2-h3_0.conda")
    published.run("lock")
    assert "same size, other content" in published.fail(5, "sync").error
    published.run("publish", check=False)
    assert shown(published, NAME) == before


def test_other_bytes_under_a_name_are_an_alarm(published: Project, forge: Forge) -> None:
    before = published.lock.read_bytes()
    forge.channel.add(CondaPackage("zlib", "1.3.1", "h1_2", 2, ("libzlib 1.3.1 h1_2",), files=(("etc/x", "rebuilt"),)))
    forge.channel.publish()
    done = published.fail(5, "lock")
    assert "version changed in place" in done.error
    assert published.lock.read_bytes() == before
    assert "--accept-changed zlib" in done.hint
    published.run("lock", "--accept-changed", "zlib")


def test_a_record_that_was_patched_is_taken_and_told(published: Project, forge: Forge) -> None:
    forge.channel.patch("linux-64", ZLIB, depends=["libzlib 1.3.1.*"])
    forge.channel.publish()
    published.run("lock")
    assert locked(published)[f"linux-64/{ZLIB}"]["record"]["depends"] == ["libzlib 1.3.1.*"]
    published.run("publish")
    assert shown(published, "main")[ZLIB]["depends"] == ["libzlib 1.3.1.*"]


def test_a_package_that_was_withdrawn_stays_as_it_is_locked(project: Project, forge: Forge) -> None:
    forge.pin(project, ZLIB, "libzlib 1.3.1")
    project.publish()
    forge.channel.withdraw("linux-64", ZLIB)
    forge.channel.publish()
    for _ in range(2):
        done = project.run("lock", check=False)
        assert done.rc == 6, done
        assert "has withdrawn it" in done.err
        assert locked(project).keys() == {f"linux-64/{ZLIB}", f"linux-64/{LIB}"}
    forge.channel.add(CondaPackage("zlib", "1.3.1", "h1_2", 2, ("libzlib 1.3.1 h1_2",)))
    forge.channel.publish()
    project.run("lock")


def test_a_forged_shard_is_refused(published: Project, forge: Forge) -> None:
    before = published.published()
    newer(forge)
    forge.channel.forge_shard("linux-64", "zlib", depends=["evil-package"], sha256="11" * 32)
    done = published.fail(5, "lock")
    assert "shard is not the one its index names" in done.error
    assert published.published() == before
    forge.channel.publish()
    published.run("lock")
    assert "linux-64/zlib-1.3.2-h3_0.conda" in locked(published)


def test_a_cache_that_keeps_another_shard_is_asked_past(project: Project, forge: Forge) -> None:
    good = {path: path.read_bytes() for path in (forge.channel.root / "linux-64/shards").iterdir()}
    forge.channel.forge_shard("linux-64", "zlib", depends=["evil-package"])
    (forged,) = [path for path, data in good.items() if path.read_bytes() != data]
    stale = forged.read_bytes()
    forged.write_bytes(good[forged])
    forge.server.fault(f"/{NAME}/linux-64/shards/{forged.name}", Replace(stale, times=1))
    forge.pin(project, "zlib")
    project.run("lock")
    assert locked(project)[f"linux-64/{ZLIB}"]["record"]["depends"] == ["libzlib 1.3.1 h1_2"]


def test_an_index_whose_shard_is_not_there_yet(published: Project, forge: Forge) -> None:
    before = published.published()
    newer(forge)
    for shard in (forge.channel.root / "linux-64/shards").iterdir():
        shard.unlink()
    done = published.fail(4, "lock")
    assert "index names a shard that is not there" in done.error
    assert published.published() == before


def test_an_index_of_another_subdir(published: Project, forge: Forge) -> None:
    index = forge.channel.root / "linux-64/repodata_shards.msgpack.zst"
    index.write_bytes((forge.channel.root / "noarch/repodata_shards.msgpack.zst").read_bytes())
    assert "is the index of 'noarch'" in published.fail(10, "lock").error


@pytest.mark.parametrize("form", ["zst", "plain"])
def test_a_damaged_index(project: Project, forge: Forge, form: str) -> None:
    forge.channel.forms = (form,)
    forge.channel.publish()
    (index,) = (forge.channel.root / "linux-64").glob("repodata.json*")
    index.write_bytes(index.read_bytes()[:-40])
    forge.pin(project, "zlib")
    assert "malformed" in project.fail(10, "lock").error


def test_a_record_of_another_file_is_left_out(project: Project, forge: Forge) -> None:
    forge.channel.forms = ("plain",)
    forge.channel.patch("linux-64", ZLIB, version="9.9")
    forge.channel.publish()
    forge.pin(project, "zlib", "libzlib 1.3.1")
    done = project.run("lock", check=False)
    assert f"left out: {forge.url}linux-64/repodata.json: '{ZLIB}': its record is of zlib-9.9-h1_2" in done.err
    assert locked(project).keys() == {f"linux-64/{LIB}"}


def test_run_exports_that_are_none_are_left_out(project: Project, forge: Forge) -> None:
    forge.channel.forms = ("plain",)
    forge.channel.exports["linux-64"][LIB] = {"weak": 5}
    forge.channel.publish()
    forge.pin(project, "zlib", "libzlib 1.3.1")
    told = f"left out: {forge.url}linux-64/run_exports.json: '{LIB}': its run_exports are none"
    assert told in project.run("lock").err
    assert locked(project).keys() == {f"linux-64/{LIB}", f"linux-64/{ZLIB}"}


def test_a_package_that_no_solver_can_read_is_left_out(project: Project, forge: Forge) -> None:
    forge.channel.add(CondaPackage("zlib", "1..!.4", "h1_2"))
    forge.channel.publish()
    forge.pin(project, "zlib")
    assert "left out: linux-64/zlib-1..!.4-h1_2.conda" in project.run("lock").err
    assert locked(project).keys() == {f"linux-64/{ZLIB}"}


def test_a_channel_over_plain_http_of_another_machine_is_refused(project: Project) -> None:
    project.add("upstream", name=NAME, type="conda", url="http://mirror.invalid/conda-forge")
    project.add("pin", upstream=NAME, packages=["zlib"])
    assert "plain http cannot be trusted" in project.fail(5, "lock").error


def test_a_place_that_is_no_channel(project: Project, forge: Forge) -> None:
    project.add("upstream", name=NAME, type="conda", url=f"{forge.server.url}/elsewhere/")
    project.add("pin", upstream=NAME, packages=["zlib"])
    assert "has no index for linux-64, noarch" in project.fail(4, "lock").error


def test_an_entry_that_is_no_match_spec(project: Project, forge: Forge) -> None:
    no_spec = "is not a match spec"
    entries = {"zlib ===1..2 [[": no_spec, "conda-forge::zlib": "names a channel"}
    for entry, says in entries.items():
        forge.pin(project, entry)
        assert f"'{entry}' {says}" in project.fail(3, "lock").error


@pytest.mark.parametrize("base", ["https://[::1", "ftp://x.example/", "https://me:secret@x.example/", "file:///etc/"])
def test_a_base_url_that_is_not_followed(project: Project, forge: Forge, base: str) -> None:
    forge.channel.base_url = base
    forge.channel.publish()
    forge.pin(project, "tzdata")
    assert "points to" in project.fail(4, "lock").error

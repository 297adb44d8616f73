"""Several names of a channel at once, or all of it: counted first, held to a limit, published as the channel has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.conda_channel import FORMS, CondaPackage
from simulator.project import Project
from tests.clients import conda_env
from tests.kinds.conda.world import NAME, Forge, forging, locked, shown

MORE = (
    CondaPackage("cuda-nvcc", "12.6.20", "h0_0", 0),
    CondaPackage("cuda-nvcc", "12.6.77", "h0_0", 0),
    CondaPackage("cuda-nvcc", "13.0.1", "h0_0", 0),
    CondaPackage("cuda-cudart", "12.6.77", "h0_0", 0, ("cuda-version >=12.6,<12.7",)),
    CondaPackage("cuda-version", "12.6", "h0_3", 3, subdir="noarch"),
    CondaPackage("cuda-only-mac", "1.0", "h0_0", 0, subdir="osx-arm64"),
    CondaPackage("cuda-only-arm", "1.0", "h0_0", 0, subdir="linux-aarch64"),
)


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    with forging(tmp_path, MORE) as made:
        yield made


def files(project: Project) -> list[str]:
    return sorted(one.rpartition("/")[2].rsplit("-", 1)[0] for one in locked(project))


@pytest.mark.parametrize(
    ("entry", "pin", "found"),
    [
        ("cuda-*", {}, ["cuda-cudart-12.6.77", "cuda-nvcc-13.0.1", "cuda-version-12.6"]),
        ("cuda-* <13", {}, ["cuda-cudart-12.6.77", "cuda-nvcc-12.6.77", "cuda-version-12.6"]),
        ("cuda-nv*", {"keep": 2}, ["cuda-nvcc-12.6.77", "cuda-nvcc-13.0.1"]),
        ("cuda-nvcc", {"keep": 2}, ["cuda-nvcc-12.6.77", "cuda-nvcc-13.0.1"]),
        ("cuda-nvcc", {"keep": "all"}, ["cuda-nvcc-12.6.20", "cuda-nvcc-12.6.77", "cuda-nvcc-13.0.1"]),
        ("cuda-only*", {"subdirs": ["linux-64", "linux-aarch64"]}, ["cuda-only-arm-1.0"]),
        ("cuda-only*", {"subdirs": ["osx-arm64"]}, ["cuda-only-mac-1.0"]),
        ("libzlib", {"keep": "all"}, ["libzlib-1.2.13", "libzlib-1.2.13", "libzlib-1.3.1"]),
    ],
)
def test_entries_may_stand_for_several(
    project: Project, forge: Forge, entry: str, pin: dict[str, object], found: list[str]
) -> None:
    forge.pin(project, entry, **pin)
    project.run("lock")
    assert files(project) == found


def test_a_glob_that_fits_nothing_is_named_and_keeps_nothing_else_from_being_locked(
    project: Project, forge: Forge
) -> None:
    forge.pin(project, "cuda-nvcc", "rapids*", "cuda-* =9")
    error = project.fail(6, "lock").error
    assert "'rapids*'" in error
    assert "'cuda-* =9'" in error
    assert files(project) == ["cuda-nvcc-13.0.1"]
    forge.pin(project, "cuda-nvcc", "cuda-* ==")
    project.fail(3, "lock")


def test_the_size_is_told_before_anything_is_fetched_and_held_to_a_limit(project: Project, forge: Forge) -> None:
    forge.pin(project, "*", keep="all")
    said = project.run("lock").err
    records = [one for there in forge.channel.records.values() for one in there.values() if there is not None]
    here = [one for one in records if one["subdir"] in ("linux-64", "noarch")]
    total = sum(one["size"] for one in here)
    assert f"{NAME}: {len(here)} packages under 7 names, {total:,} bytes; {total:,} bytes to fetch" in said
    project.run("sync")
    before = project.lock.read_bytes()
    project.sections[0] = project.sections[0].rstrip() + '\nmax-size = "1 kB"\n'
    project.write()
    forge.server.forget()
    done = project.fail(6, "lock")
    assert f"{total:,} bytes in total, but `max-size` allows 1,000; the largest: " in done.error
    assert not [one for one in forge.server.requests if one.path.endswith((".conda", ".bz2"))]
    assert project.lock.read_bytes() == before


def test_a_whole_channel_is_published_as_it_is(project: Project, forge: Forge, tmp_path: Path) -> None:
    forge.channel.patch("linux-64", "zlib-1.3.1-h1_2.conda", depends=["libzlib 1.3.1.*"], own_key=[1])
    forge.channel.withdraw("linux-64", "numpy-2.0.0-py312_0.conda")
    found = []
    for form in FORMS:
        forge.channel.forms = (form,)
        forge.channel.publish()
        project.sections.clear()
        project.add("upstream", name=NAME, type="conda", url=forge.url, whole=True, subdirs=["linux-64"])
        project.lock.unlink(missing_ok=True)
        project.publish()
        found.append(project.lock.read_text().partition("[[artifact]]")[2])
        assert shown(project, NAME) == forge.channel.records["linux-64"]
        assert shown(project, NAME, "noarch") == forge.channel.records["noarch"]
        assert not (project.site / f"conda/{NAME}/linux-aarch64").exists()
        index = json.loads((project.site / f"conda/{NAME}/linux-64/repodata.json").read_text())
        assert index["removed"] == ["numpy-2.0.0-py312_0.conda"]
    assert found[0] == found[1] == found[2]
    published = project.published()
    project.run("publish")
    assert project.published() == published
    forge.channel.add(CondaPackage("numpy", "2.0.0", "py312_0", 0, ("libzlib",)))
    forge.channel.publish()
    project.publish()
    assert json.loads((project.site / f"conda/{NAME}/linux-64/repodata.json").read_text())["removed"] == []
    exports = json.loads((project.site / f"conda/{NAME}/linux-64/run_exports.json").read_text())
    assert exports["packages.conda"]["libzlib-1.3.1-h1_2.conda"]["run_exports"] == {"weak": ["libzlib >=1.3.1,<2.0a0"]}
    assert conda_env.create([project.site / "conda" / NAME], ["cuda-cudart"], tmp_path / "env").keys() == {
        "cuda-cudart",
        "cuda-version",
    }


def test_of_a_whole_channel_the_newest_versions(project: Project, forge: Forge) -> None:
    project.sections.clear()
    project.add("upstream", name=NAME, type="conda", url=forge.url, whole=True, keep=1)
    project.run("lock")
    assert "cuda-nvcc-13.0.1" in files(project)
    assert "cuda-nvcc-12.6.77" not in files(project)
    forge.server.forget()
    before = project.lock.read_bytes()
    project.run("lock")
    assert [one.status for one in forge.server.requests] == [304, 304]
    assert project.lock.read_bytes() == before


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"keep": 2}, "without `whole = true`"),
        ({"whole": True, "keep": 0}, 'expected a number from 1 on, or "all"'),
        ({"whole": True, "subdirs": ["linux-65"]}, "unknown platform 'linux-65'"),
        ({"whole": True, "max-size": "much"}, "expected a size"),
    ],
)
def test_settings_that_cannot_be(project: Project, table: dict[str, object], said: str) -> None:
    project.sections.clear()
    project.add("upstream", name=NAME, type="conda", url="https://channel.example/x/", **table)
    assert said in project.fail(3, "lock").error


def test_only_channels_keep_several(project: Project) -> None:
    project.sections.clear()
    project.add("upstream", name="index", type="simple", url="https://index.example/simple/")
    project.add("pin", upstream="index", packages=["x"], keep=2)
    assert "which only conda pins can have" in project.fail(3, "lock").error

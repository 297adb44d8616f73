"""Records of revision v3 (CEP 48): conditions, extras and flags, which only newer clients know, stay what they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zstandard
from simulator.conda_channel import FORMS, CondaPackage
from simulator.project import Project
from simulator.server import Server
from tests.clients import conda_env
from tests.kinds.conda.world import NAME, Forge, forging, locked

PACKAGES = (
    CondaPackage("app", "2.0", depends=('lin[when="__linux"]', 'win[when="__win"]', 'libzlib[version=">=1.3"]')),
    CondaPackage("app", "1.0", "h0_0", depends=("libzlib",)),
    CondaPackage("lin"),
    CondaPackage("extra"),
    CondaPackage("old", "1.0", "h0_0"),
)
TIMES = (1790000000123, 1790000000456)


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    with forging(tmp_path, PACKAGES) as made:
        made.channel.add(CondaPackage("old", "2.0", "h0_0"), ".tar.bz2")
        linux = "linux-64"
        made.channel.revise(linux, "app-2.0-h0_0.conda", extra_depends={"x": ["extra"]}, indexed_timestamp=TIMES[0])
        made.channel.revise(linux, "extra-1.0-h0_0.conda", flags=["cuda"], indexed_timestamp=TIMES[1])
        made.channel.revise(linux, "old-2.0-h0_0.tar.bz2")
        made.channel.v3[linux]["whl"] = {"x-1-0": {"name": "x"}}
        yield made


def index(project: Project, place: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.site / place / "linux-64/repodata.json").read_text())
    return found


def test_they_are_pinned_and_published_as_they_are(project: Project, forge: Forge) -> None:
    texts = []
    for form in FORMS:
        forge.channel.forms = (form,)
        forge.channel.publish()
        forge.pin(project, "app", "extra[flags=[cuda]]", "old", "libzlib")
        project.lock.unlink(missing_ok=True)
        project.publish()
        texts.append(project.lock.read_text().partition("[[artifact]]")[2])
    assert texts[0] == texts[1] == texts[2]
    for channel in ("main", NAME):
        found, theirs = index(project, f"conda/{channel}"), forge.channel.v3["linux-64"]
        assert found["v3"] == {"conda": theirs["conda"], "tar.bz2": theirs["tar.bz2"]}
        assert list(found["packages.conda"]) == ["libzlib-1.3.1-h1_2.conda"]
        assert (found["packages"], found["repodata_version"]) == ({}, 1)
        told = {"v3": {"n_packages": 3, "oldest": TIMES[0], "newest": TIMES[1]}}
        assert found["info"] == {"subdir": "linux-64", "repodata_revisions": told}
        folder = project.site / f"conda/{channel}/linux-64"
        shards = unpacked(folder / "repodata_shards.msgpack.zst")
        assert shards["info"]["repodata_revisions"] == told
        shard = unpacked(folder / f"shards/{shards['shards']['old'].hex()}.msgpack.zst")
        assert (shard["packages"], list(shard["v3"]["tar.bz2"])) == ({}, ["old-2.0-h0_0"])
    project.run("verify")


def test_wheels_in_a_channel_are_not_taken_and_that_is_said(project: Project, forge: Forge) -> None:
    forge.channel.v3["linux-64"]["whl"] = {"extra-3.0-py3_0": {"name": "extra", "version": "3.0"}}
    for form in FORMS:
        forge.channel.forms = (form,)
        forge.channel.publish()
        forge.pin(project, "extra")
        said = project.run("lock").err
        assert "'extra-3.0-py3_0' is a wheel, and wheels are not taken" in said
        assert locked(project).keys() == {"linux-64/extra-1.0-h0_0.conda"}


def unpacked(path: Path) -> Any:
    return msgpack.unpackb(zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes()))


def test_a_part_of_them_is_counted_anew_and_a_move_between_revisions_is_published(
    project: Project, forge: Forge
) -> None:
    forge.channel.publish()
    forge.pin(project, "app", "libzlib")
    project.publish()
    assert index(project, f"conda/{NAME}")["info"]["repodata_revisions"] == {
        "v3": {"n_packages": 1, "oldest": TIMES[0], "newest": TIMES[0]}
    }
    forge.channel.records["linux-64"]["app-2.0-h0_0.conda"] = forge.channel.v3["linux-64"]["conda"].pop("app-2.0-h0_0")
    forge.channel.publish()
    project.publish()
    found = index(project, f"conda/{NAME}")
    assert "v3" not in found
    assert "repodata_revisions" not in found["info"]
    assert "app-2.0-h0_0.conda" in found["packages.conda"]


def test_one_that_is_there_in_both_revisions_is_the_newer(project: Project, forge: Forge) -> None:
    forge.channel.add(CondaPackage("app", "2.0", "h0_0", depends=("libzlib",)))
    for form in FORMS:
        forge.channel.forms = (form,)
        forge.channel.publish()
        forge.pin(project, "app")
        project.run("lock")
        record = locked(project)["linux-64/app-2.0-h0_0.conda"]["record"]
        assert (len(record["depends"]), record["repodata-revision"]) == (3, "v3")


@pytest.mark.parametrize(("spec", "names"), [("app", {"app", "lin", "libzlib"}),
                                             ("app[extras=[x]]", {"app", "lin", "libzlib", "extra"})])  # fmt: skip
def test_environments_follow_conditions_and_extras(
    project: Project, forge: Forge, tmp_path: Path, spec: str, names: set[str]
) -> None:
    found = []
    for form in FORMS:
        forge.channel.forms = (form,)
        forge.channel.publish()
        project.sections.clear()
        project.add("upstream", name=NAME, type="conda", url=forge.url)
        project.add("environment", name="dl", conda=[spec])
        project.lock.unlink(missing_ok=True)
        assert "visible only to clients that read revision v3" in project.run("lock").out
        found.append({one["name"] for one in locked(project).values()})
    assert found == [names] * 3
    for verb in ("sync", "publish"):
        project.run(verb)
    assert index(project, "environments/dl/conda")["v3"]["conda"].keys() >= {"app-2.0-h0_0"}
    with Server(project.site) as site:
        channels = [f"{site.url}/environments/dl/conda"]
        made = conda_env.create(channels, [spec], tmp_path / "env")
    assert made.keys() == names

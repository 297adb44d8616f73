"""A channel as an upstream: pinned by match spec, locked with its records, published as it is, installed from there."""

from __future__ import annotations

import hashlib
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
from tests.kinds.conda.world import NAME, Forge, forging, locked, shown

from cudepot.catalog.site.file_traits import traits

ZLIB = ("zlib", "libzlib 1.3.1")


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    with forging(tmp_path) as made:
        yield made


def test_what_is_pinned_installs_from_the_site_under_both_names(project: Project, forge: Forge, tmp_path: Path) -> None:
    forge.channel.patch("linux-64", "zlib-1.3.1-h1_2.conda", depends=["libzlib 1.3.1.*", "tzdata"])
    forge.channel.publish()
    forge.pin(project, *ZLIB, "tzdata")
    project.publish()
    with Server(project.site) as site:
        for channel in ("main", NAME):
            found = conda_env.create([f"{site.url}/conda/{channel}"], ["zlib"], tmp_path / channel)
            assert found.keys() == {"zlib", "libzlib", "tzdata"}
            assert found["zlib"].depends == ("libzlib 1.3.1.*", "tzdata"), "as the channel has patched it"
            assert (tmp_path / channel / "share/zlib/version").read_text() == "1.3.1"


def test_records_are_published_as_the_channel_has_them(project: Project, forge: Forge) -> None:
    odd: dict[str, Any] = {
        "track_features": "x",
        "new_field": {"a": [1, None, 2.5]},
        "indexed_timestamp": 1790000000123,
    }
    forge.channel.patch("linux-64", "zlib-1.3.1-h1_2.conda", **odd)
    forge.channel.publish()
    forge.pin(project, *ZLIB)
    project.publish()
    theirs = forge.channel.records["linux-64"]
    for channel in ("main", NAME):
        ours = shown(project, channel)
        assert ours == {name: theirs[name] for name in ours}
        assert ours.keys() == {"zlib-1.3.1-h1_2.conda", "libzlib-1.3.1-h1_2.conda"}
        assert shown(project, channel, "noarch") == {}
        exports = json.loads((project.site / f"conda/{channel}/linux-64/run_exports.json").read_text())
        assert exports["packages.conda"]["libzlib-1.3.1-h1_2.conda"] == {
            "run_exports": {"weak": ["libzlib >=1.3.1,<2.0a0"]}
        }
    for name in shown(project, NAME):
        assert (project.site / f"conda/{NAME}/linux-64/{name}").read_bytes() == (
            forge.channel.root / "linux-64" / name
        ).read_bytes()


def test_the_lock_is_the_same_whichever_form_is_read(project: Project, forge: Forge) -> None:
    found = []
    for form in FORMS:
        forge.channel.forms = (form,)
        forge.channel.publish()
        forge.pin(project, *ZLIB, "numpy", "libzlib=1.2", "tzdata")
        project.lock.unlink(missing_ok=True)
        project.run("lock")
        found.append(locked(project))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 6


def test_an_unchanged_channel_costs_a_conditional_request_a_subdir(project: Project, forge: Forge) -> None:
    for form in FORMS:
        forge.channel.forms = (form,)
        forge.channel.publish()
        forge.pin(project, *ZLIB)
        project.run("lock")
        before = project.lock.read_bytes()
        forge.server.forget()
        project.run("lock")
        assert [one.status for one in forge.server.requests] == [304, 304], form
        assert project.lock.read_bytes() == before


def test_a_publication_of_the_same_changes_nothing_and_of_another_record_the_index(
    project: Project, forge: Forge
) -> None:
    forge.pin(project, *ZLIB)
    project.publish()
    first = project.published()
    project.run("publish")
    assert project.published() == first
    forge.channel.patch("linux-64", "zlib-1.3.1-h1_2.conda", depends=["libzlib 1.3.1 h1_2", "tzdata"])
    forge.channel.publish()
    forge.pin(project, *ZLIB, "tzdata")
    project.publish()
    assert shown(project, NAME)["zlib-1.3.1-h1_2.conda"]["depends"] == ["libzlib 1.3.1 h1_2", "tzdata"]


@pytest.mark.parametrize(
    ("spec", "files"),
    [
        ("numpy", ["numpy-2.1.0-py311_0.conda", "numpy-2.1.0-py312_0.conda"]),
        ("numpy <2.1", ["numpy-2.0.0-py312_0.conda"]),
        ("numpy=2.*=py312*", ["numpy-2.1.0-py312_0.conda"]),
        ("libzlib=1.2", ["libzlib-1.2.13-h0_6.conda"]),
        ("libzlib-1.2.13-h0_6.tar.bz2", ["libzlib-1.2.13-h0_6.tar.bz2"]),
    ],
)
def test_a_spec_means_the_newest_builds_that_match(project: Project, forge: Forge, spec: str, files: list[str]) -> None:
    forge.pin(project, spec)
    project.run("lock")
    assert sorted(locked(project)) == [f"linux-64/{one}" for one in files]


def test_both_forms_of_a_package_stay_what_they_are(project: Project, forge: Forge, tmp_path: Path) -> None:
    forge.pin(project, "libzlib-1.2.13-h0_6.tar.bz2")
    project.publish()
    index = json.loads((project.site / f"conda/{NAME}/linux-64/repodata.json").read_text())
    assert list(index["packages"]) == ["libzlib-1.2.13-h0_6.tar.bz2"]
    assert index["packages.conda"] == {}
    assert conda_env.create([project.site / f"conda/{NAME}"], ["libzlib"], tmp_path / "env").keys() == {"libzlib"}


def test_packages_may_lie_elsewhere(project: Project, forge: Forge, tmp_path: Path) -> None:
    (forge.server.root / "files").mkdir()
    (forge.channel.root / "linux-64/tzdata").mkdir(parents=True)
    for base in (f"{forge.server.url}/files/linux-64", "../../files/linux-64/"):
        forge.channel.base_url = base
        forge.channel.publish()
        source, target = forge.channel.root / "linux-64", forge.server.root / "files/linux-64"
        target.mkdir(exist_ok=True)
        for file in source.glob("*.conda"):
            file.rename(target / file.name)
        forge.pin(project, "libzlib 1.3.1")
        project.publish()
        index = json.loads((project.site / f"conda/{NAME}/linux-64/repodata.json").read_text())
        assert index["info"] == {"subdir": "linux-64"}
        assert conda_env.create([project.site / "conda/main"], ["libzlib"], tmp_path / "env").keys() == {"libzlib"}


def test_a_package_without_sha256_is_fetched_to_learn_it(project: Project, forge: Forge) -> None:
    forge.channel.patch("linux-64", "libzlib-1.3.1-h1_2.conda", sha256=None, size=None)
    forge.channel.publish()
    forge.pin(project, "libzlib 1.3.1")
    assert "fetched to compute its sha256" in project.run("lock").err
    project.run("sync")
    project.run("publish")
    record = shown(project, NAME)["libzlib-1.3.1-h1_2.conda"]
    data = (project.site / f"conda/{NAME}/linux-64/libzlib-1.3.1-h1_2.conda").read_bytes()
    assert record["size"] == len(data)
    assert record["md5"] == forge.channel.records["linux-64"]["libzlib-1.3.1-h1_2.conda"]["md5"]


def test_several_platforms_get_the_newest_version_that_all_have(project: Project, forge: Forge) -> None:
    forge.channel.add(CondaPackage("numpy", "2.0.0", "py312_7", 7, subdir="linux-aarch64"))
    forge.channel.publish()
    forge.pin(project, "numpy", "tzdata", subdirs=["linux-64", "linux-aarch64"])
    project.run("lock")
    assert sorted(locked(project)) == [
        "linux-64/numpy-2.0.0-py312_0.conda",
        "linux-aarch64/numpy-2.0.0-py312_7.conda",
        "noarch/tzdata-2026.1-h2_0.conda",
    ]


def test_shards_on_the_site_say_what_repodata_says(project: Project, forge: Forge) -> None:
    forge.pin(project, *ZLIB)
    project.publish()
    folder = project.site / f"conda/{NAME}/linux-64"
    index = msgpack.unpackb(_unzst(folder / "repodata_shards.msgpack.zst"))
    shard = msgpack.unpackb(_unzst(folder / f"shards/{index['shards']['zlib'].hex()}.msgpack.zst"))
    record = shard["packages.conda"]["zlib-1.3.1-h1_2.conda"]
    plain = shown(project, NAME)["zlib-1.3.1-h1_2.conda"]
    hashes = {key: bytes.fromhex(plain[key]) for key in ("md5", "sha256")}
    assert record == plain | hashes | {"run_exports": {}}


def _unzst(path: Path) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())


def test_update_binds_an_exact_pin_to_what_is_newer(project: Project, forge: Forge) -> None:
    forge.pin(project, "libzlib 1.2.13", "numpy <2.1", "tzdata-2026.1-h2_0.conda")
    project.run("lock")
    forge.channel.add(CondaPackage("tzdata", "2026.2", "h0_0", subdir="noarch"))
    forge.channel.publish()
    said = project.run("update").out
    assert '"libzlib ==1.3.1"' in said
    assert "numpy: 2.1.0 is there, outside the pin 'numpy <2.1'" in said
    assert "tzdata: 2026.2 is there, outside the pin 'tzdata-2026.1-h2_0.conda'" in said
    project.run("update", "--apply")
    assert "linux-64/libzlib-1.3.1-h1_2.conda" in locked(project)


def test_what_is_mirrored_is_proved_with_what_it_needs(project: Project, forge: Forge) -> None:
    """Of both forms, whichever way a dependency is spelt."""
    forge.channel.add(CondaPackage("app", depends=("libzlib>=1.2", 'tzdata[version=">=2026"]')))
    record = forge.channel.records["linux-64"]["app-1.0-h0_0.conda"]
    record["constrains"] = None
    del record["constrains"]
    forge.channel.publish()
    forge.pin(project, "app", "libzlib-1.2.13-h0_6.tar.bz2")
    assert "must provide tzdata" in "".join(_published(project))
    forge.pin(project, "app", "libzlib-1.2.13-h0_6.tar.bz2", "tzdata")
    assert "must provide" not in "".join(_published(project))
    project.sections.append("[build]\nclosed-channel = true\n")
    project.write()
    project.publish()
    forge.pin(project, "app", "tzdata")
    project.sections.append("[build]\nclosed-channel = true\n")
    project.write()
    project.run("lock")
    done = project.fail(6, "publish")
    assert "libzlib>=1.2" in done.error


def _published(project: Project) -> tuple[str, str]:
    for verb in ("lock", "sync"):
        project.run(verb)
    done = project.run("publish")
    return done.out, done.err


def test_attestations_come_along_held_to_their_record(project: Project, forge: Forge, tmp_path: Path) -> None:
    name, body = "libzlib-1.3.1-h1_2.conda", b'[{"mediaType": "a bundle"}]'
    forge.channel.attest("linux-64", name, body)
    forge.channel.publish()
    forge.pin(project, "libzlib 1.3.1")
    project.publish()
    sha256 = hashlib.sha256(body).hexdigest()
    for channel in ("main", NAME):
        folder = project.site / f"conda/{channel}/linux-64"
        assert (folder / f"{name}.sigs").read_bytes() == body
        assert (folder / f"{name}.sigs.{sha256}").read_bytes() == body
        assert shown(project, channel)[name]["attestations_sha256"] == sha256
    assert traits(f"conda/main/linux-64/{name}.sigs.{sha256}").content_type == "application/json"
    with Server(project.site) as site:
        assert conda_env.create([f"{site.url}/conda/main"], ["libzlib"], tmp_path / "env").keys() == {"libzlib"}
    before = project.lock.read_bytes()
    for body in (b"[1]", b"[2]"):
        forge.channel.attest("linux-64", name, body)
    forge.channel.publish()
    sidecar = forge.channel.root / f"linux-64/{name}.sigs.{hashlib.sha256(body).hexdigest()}"
    sidecar.write_bytes(b"[3]")
    assert "the attestations do not match the record" in project.fail(5, "lock").error
    assert project.lock.read_bytes() == before
    sidecar.unlink()
    project.fail(4, "lock")
    assert project.lock.read_bytes() == before
    sidecar.write_bytes(body)
    project.publish()
    first = f"{name}.sigs.{sha256}"
    for channel in ("main", NAME):
        folder = project.site / f"conda/{channel}/linux-64"
        assert (folder / f"{name}.sigs").read_bytes() == b"[2]"
        assert (folder / first).read_bytes() == b'[{"mediaType": "a bundle"}]', "as long as the package stays"
    forge.channel.patch("linux-64", name, depends=["tzdata"])
    forge.channel.publish()
    project.publish()
    project.run("gc")
    assert (project.site / f"conda/main/linux-64/{first}").read_bytes() == b'[{"mediaType": "a bundle"}]'
    forge.pin(project, "libzlib 1.2.13")
    project.publish()
    assert not list(project.site.glob(f"conda/*/linux-64/{name}*"))

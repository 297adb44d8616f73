"""Where a channel is taken from: labels of presets, mirrors that help out, and tokens that nobody gets to read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.conda_channel import FORMS, CondaChannel, CondaPackage
from simulator.project import Project
from simulator.server import Server
from tests.clients import conda_env
from tests.kinds.conda.world import NAME, Forge, forging, locked

SECRET = "tk-0a1b2c"


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    with forging(tmp_path) as made:
        yield made


@pytest.fixture
def mirror(forge: Forge, tmp_path: Path) -> Iterator[Server]:
    """Another server with a copy of the channel as it is at first."""
    shutil.copytree(forge.channel.root, tmp_path / "mirror/copies/forge")
    with Server(tmp_path / "mirror") as server:
        yield server


def want(project: Project, forge: Forge, *mirrors: str, **more: object) -> None:
    project.sections.clear()
    project.env["CUDEPOT_TRIES"] = "1"
    project.add("upstream", name=NAME, type="conda", url=forge.url, mirrors=list(mirrors), **more)
    project.add("pin", upstream=NAME, packages=["zlib", "libzlib 1.3.1"])


def test_a_mirror_is_asked_where_the_channel_does_not_answer(project: Project, forge: Forge, mirror: Server) -> None:
    want(project, forge, f"{mirror.url}/copies/forge")
    project.run("lock")
    assert not mirror.requests
    before = project.lock.read_bytes()
    forge.server.unavailable("/*", times=None)
    project.run("lock")
    assert project.lock.read_bytes() == before
    project.run("sync")
    assert mirror.count("*.conda") == 2
    project.run("publish")
    text = project.lock.read_text() + "".join(str(one) for one in project.site.rglob("*"))
    assert f":{mirror.port}/" not in text


def test_a_package_that_is_missing_or_cut_comes_from_the_next(project: Project, forge: Forge, mirror: Server) -> None:
    want(project, forge, f"{mirror.url}/copies/forge/")
    project.run("lock")
    forge.server.missing("/*/zlib-1.3.1-h1_2.conda")
    forge.server.cut("/*/libzlib-1.3.1-h1_2.conda", 100)
    project.run("sync")
    assert {one.path.rpartition("/")[2] for one in mirror.seen("*.conda")} == {
        "zlib-1.3.1-h1_2.conda",
        "libzlib-1.3.1-h1_2.conda",
    }


def test_a_shard_that_is_wrong_at_one_place_is_right_at_another(project: Project, forge: Forge, mirror: Server) -> None:
    forge.channel.forge_shard("linux-64", "zlib", depends=["evil"])
    want(project, forge)
    project.fail(5, "lock")
    want(project, forge, f"{mirror.url}/copies/forge/")
    project.run("lock")
    assert locked(project)["linux-64/zlib-1.3.1-h1_2.conda"]["record"]["depends"] == ["libzlib 1.3.1 h1_2"]


def test_where_no_place_answers_the_channel_is_named(project: Project, forge: Forge, mirror: Server) -> None:
    want(project, forge, f"{mirror.url}/copies/forge/")
    forge.server.unavailable("/*", times=None)
    mirror.unavailable("/*", times=None)
    assert forge.url in project.fail(4, "lock").error


def test_a_mirror_that_is_behind_is_not_believed(project: Project, forge: Forge, mirror: Server) -> None:
    want(project, forge, f"{mirror.url}/copies/forge/")
    forge.channel.add(CondaPackage("zlib", "1.3.2"))
    forge.channel.publish()
    project.run("lock")
    forge.server.unavailable("/*", times=None)
    assert "older than the one of" in project.fail(5, "lock").error


@pytest.mark.parametrize(
    ("relations", "order", "said"),
    [
        ({"base": "../other"}, (NAME,), "is meant to be used with {}/other/, before it, which is not an upstream here"),
        ({"overrides": "../.."}, (NAME,), "is meant to be used with {}/, after it, which is not an upstream"),
        ({"base": "../second"}, (NAME, "second"), "is meant to be used with {}/second/ before it; the order here is"),
        ({"base": "../second", "later": 1}, ("second", NAME), ""),
        ({"overrides": "../second"}, (NAME, "second"), ""),
        ({"base": "https://elsewhere.example/"}, (NAME,), "its base channel is given as 'https://elsewhere.example/'"),
    ],
)
def test_channels_that_belong_together_are_named_and_not_followed(
    project: Project, forge: Forge, relations: dict[str, str], order: tuple[str, ...], said: str
) -> None:
    second = CondaChannel(forge.server.root / "second")
    second.add(CondaPackage("other"))
    second.publish()
    for form in FORMS:
        forge.channel.forms, forge.channel.relations = (form,), relations
        forge.channel.publish()
        project.sections.clear()
        for one in (NAME, "second"):
            project.add("upstream", name=one, type="conda", url=f"{forge.server.url}/{one}/")
        project.add("environment", name="dl", conda=["zlib"], channels=list(order))
        told = project.run("lock", "--upgrade").out
        assert said.format(forge.server.url) in told
        assert ("is meant to be used" in told or "is given as" in told) == bool(said)
        assert not forge.server.count("/other/*")


def test_a_label_is_a_channel_of_its_own_from_lock_to_install(project: Project, forge: Forge, tmp_path: Path) -> None:
    label = "nvidia/label/cuda-12.6.3"
    (forge.server.root / label).parent.mkdir(parents=True)
    forge.channel.root.rename(forge.server.root / label)
    project.add("upstream", name=label, type="conda", url=f"{forge.server.url}/{label}/")
    project.add("pin", upstream=label, packages=["tz*"])
    project.add("environment", name="dl", conda=["zlib"])
    project.publish()
    project.run("verify")
    for place, spec in ((f"conda/{label}", "tzdata"), ("environments/dl/conda", "zlib")):
        assert spec in conda_env.create([project.site / place], [spec], tmp_path / spec)


def test_the_current_index_alone_where_it_is_asked_for(project: Project, forge: Forge) -> None:
    forge.channel.current = {"linux-64": ["libzlib-1.2.13-h0_6.conda"], "noarch": []}
    forge.channel.publish()
    project.sections.clear()
    project.add("upstream", name=NAME, type="conda", url=forge.url, current=True)
    project.add("pin", upstream=NAME, packages=["libzlib"])
    project.run("lock")
    assert locked(project).keys() == {"linux-64/libzlib-1.2.13-h0_6.conda"}
    assert not forge.server.count("*/repodata*")
    forge.server.forget()
    project.run("lock")
    assert [one.status for one in forge.server.requests] == [304, 304]


@pytest.fixture
def guarded(forge: Forge) -> Forge:
    """The channel as anaconda.org has private ones: below ``/t/TOKEN/`` alone."""
    place = forge.server.root / "t" / SECRET
    place.mkdir(parents=True)
    forge.channel.root.rename(place / NAME)
    return forge


def test_a_token_goes_into_the_path_and_nowhere_else(project: Project, guarded: Forge, tmp_path: Path) -> None:
    want(project, guarded, token=True)
    done = project.fail(4, "lock")
    assert "no token for 127.0.0.1" in done.error
    (netrc := tmp_path / "netrc").write_text(f"machine 127.0.0.1 login token password {SECRET}\n")
    netrc.chmod(0o600)
    project.env["NETRC"] = str(netrc)
    said = [project.run(verb) for verb in ("lock", "sync", "publish")]
    assert {one.path.split("/")[2] for one in guarded.server.requests if one.status == 200} == {SECRET}
    guarded.server.redirect("/*", f"ftp://x.example/t/{SECRET}/x")
    said.append(project.fail(4, "lock"))
    guarded.server.heal()
    guarded.server.unavailable("/*", times=None)
    said.append(project.fail(4, "lock"))
    assert guarded.server.requests
    assert not [one for one in said if SECRET in one.out + one.err]
    files = [one for one in project.base.rglob("*") if one.is_file() and not one.is_symlink()]
    assert not [one for one in files if SECRET.encode() in one.read_bytes()]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"url": f"https://x.example/t/{SECRET}/private/"}, "holds a token"),
        ({"url": "https://x.example/a/", "mirrors": [f"https://y.example/t/{SECRET}/a"]}, "holds a token"),
        ({"url": "https://x.example/a/", "mirrors": ["http://y.example/a"]}, "plain http cannot be trusted"),
        ({"url": "https://x.example/a/", "mirrors": ["https://me:pw@y.example/a"]}, "user name or password"),
    ],
)
def test_places_that_are_not_taken(project: Project, more: dict[str, object], said: str) -> None:
    project.sections.clear()
    project.add("upstream", name=NAME, type="conda", **more)
    done = project.fail(3, "lock")
    assert said in done.error
    assert SECRET not in done.error

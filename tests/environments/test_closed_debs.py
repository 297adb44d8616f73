"""Environments of debs from lock to a client that sees the site alone; a distribution in small, judged by apt."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.sides import FARS, Far, FarAlone
from simulator.site_key import SiteKey
from simulator.small_distribution import CUDA, MAIN, NEW, SECURITY, SmallDistribution
from tests.clients.apt import AptRoot
from tests.clients.http import serve

HEADERS = {"linux-headers-amd64", "linux-headers-6.1.0-1-amd64"}
CLOSED = {
    "cuda-toolkit-12-6", "cuda-nvcc-12-6", "cuda-cudart-12-6", "build-essential", "gcc", "make", "binutils", "libc6",
}  # fmt: skip


def ask(project: Project, *debs: str, name: str = "node", **more: object) -> None:
    said = {"distribution": "debian12", "architectures": ["amd64"]} | more
    project.add("environment", name=name, deb=list(debs), **said)


def publish(project: Project, *argv: str) -> None:
    for verb in ("lock", "sync"):
        project.run(verb)
    project.run("publish", *argv)


def locked(project: Project) -> dict[str, Any]:
    return tomllib.loads(project.lock.read_text())


def versions(project: Project) -> dict[str, str]:
    return {one["name"]: one["version"] for one in locked(project)["artifact"]}


def client(project: Project, folder: Path, url: str, name: str = "node", *more: str) -> AptRoot:
    """Return an apt that takes what `client apt --environment` wrote, unchanged."""
    project.run("client", "apt", "--environment", name, "--url", url, "--output", str(folder / "clients"), *more)
    root, made = AptRoot(folder / "root"), folder / "clients" / name
    for path in sorted((made / "etc/apt").glob("*/*")):
        shutil.copy(path, root.path / "etc/apt" / path.parent.name)
    for path in (made / "usr/share/keyrings").iterdir():
        target = root.path / "usr/share/keyrings" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for path in (root.path / "etc/apt/sources.list.d").iterdir():
        keyring = f"Signed-By: {root.path}/usr/share/keyrings/"
        path.write_text(path.read_text().replace("Signed-By: /usr/share/keyrings/", keyring))
    return root


def installed(root: AptRoot) -> dict[str, str]:
    text = (root.path / "var/lib/dpkg/status").read_text()
    stanzas = [dict(line.split(": ", 1) for line in one.splitlines() if ": " in line) for one in text.split("\n\n")]
    return {one["Package"]: one["Version"] for one in stanzas if "Package" in one}


def test_a_bare_client_installs_it_from_the_site_alone(closed: Project, tmp_path: Path) -> None:
    ask(closed, "linux-headers-amd64", "cuda-toolkit-12-6", priorities={CUDA: 700})
    publish(closed)
    assert set(versions(closed)) == CLOSED | HEADERS
    assert [one["name"] for one in locked(closed)["upstream"]] == [MAIN, SECURITY, CUDA]
    assert closed.run("verify").rc == 0
    with serve(closed.site) as site:
        root = client(closed, tmp_path, site.url)
        root.update()
        assert re.search(r"12\.6\.3-1 700\n", root.policy("cuda-toolkit-12-6"))
        assert re.search(r"6\.1\.1 500\n", root.policy("linux-headers-amd64"))
        root.install("linux-headers-amd64", "cuda-toolkit-12-6")
        assert installed(root) == versions(closed)
        assert installed(root)["libc6"] == NEW
        assert "Label: Debian-Security\n" in (closed.site / "apt/debian/security/InRelease").read_text()


@pytest.mark.parametrize("recommends", [False, True])
def test_what_is_asked_for_and_there_before_is_no_member(closed: Project, *, recommends: bool) -> None:
    ask(closed, "apt", "binutils", base="minbase", recommends=recommends)
    publish(closed)
    (target,) = locked(closed)["environment"][0]["target"]
    assert target["members"] == [f"{MAIN}/binutils_2.40_amd64.deb"]
    assert target["external"] == ["apt", "libc6"]


def test_the_folder_of_the_environment_has_lists_and_the_configuration(closed: Project, tmp_path: Path) -> None:
    ask(closed, "build-essential")
    publish(closed)
    folder = closed.site / "environments/node/apt"
    listed = (folder / "node-debian12-amd64.list").read_text().split()
    assert sorted(listed) == [f"{name}={version}" for name, version in sorted(versions(closed).items())]
    assert not (folder / "etc").exists()
    with serve(closed.site) as site:
        closed.toml.write_text(closed.toml.read_text().replace("[site]\n", f'[site]\nurl = "{site.url}/"\n'))
        closed.run("publish")
        client(closed, tmp_path, site.url)
        written = tmp_path / "clients/node"
        shown = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert {one.parts[0] for one in shown} == {"etc", "usr", "node-debian12-amd64.list"}
        assert all(
            (written / one).read_bytes() == data
            for one, data in shown.items()
            if one.parts[0] != listed[0] and one.suffix != ".list"
        )
    exported = closed.run("export", "--environment", "node", "--url", "http://site", "--json").json["files"]
    assert exported["node-debian12-amd64.list"] == (folder / "node-debian12-amd64.list").read_text()
    page = (closed.site / "index.html").read_text()
    assert "environments/node/apt/" in page
    assert "apt-get install build-essential" in page


def test_a_pin_on_a_newer_version_beside_it_moves_no_client(
    closed: Project, world: SmallDistribution, tmp_path: Path
) -> None:
    ask(closed, "build-essential", "make=4.3")
    world.offer(world.main, "make", "4.4", Depends="libc6")
    world.publish()
    closed.add("pin", upstream=MAIN, packages=["make=4.4"])
    publish(closed)
    assert {one.name for one in (closed.site / "apt/debian/main").glob("make_*")} == {
        "make_4.3_amd64.deb",
        "make_4.4_amd64.deb",
    }
    with serve(closed.site) as site:
        root = client(closed, tmp_path, site.url)
        root.update()
        root.install("build-essential")
        assert root.version("make") == "4.3"
        assert (
            root.apt_get("-s", "install", "make=4.4", check=False).returncode == 0
        )  # only when it is asked for by version
        assert "game" not in root.policy("game")


def test_what_is_installed_already_is_not_downgraded(closed: Project, tmp_path: Path, world: SmallDistribution) -> None:
    ask(closed, "build-essential", name="old")
    publish(closed)
    world.offer(world.main, "make", "4.4", Depends="libc6")
    world.publish()
    ask(closed, "make=4.4", name="new")
    publish(closed)
    with serve(closed.site) as site:
        root = client(closed, tmp_path, site.url, "new")
        root.update()
        root.install("make")
        assert root.version("make") == "4.4"
        for path in (root.path / "etc/apt/preferences.d").iterdir():
            path.unlink()
        closed.run("client", "apt", "--environment", "old", "--url", site.url, "--output", str(tmp_path / "other"))
        for path in (tmp_path / "other/old/etc/apt/preferences.d").iterdir():
            shutil.copy(path, root.path / "etc/apt/preferences.d")
        root.update()
        root.install("build-essential")
        assert root.version("make") == "4.4"


def forget(project: Project, filename: str) -> None:
    """Take a file out of what the lock says of an environment, as a fault in a resolver would."""
    lines = project.lock.read_text().splitlines(keepends=True)
    left = [line for line in lines if not line.strip().startswith(f'"debian/main/{filename}"')]
    assert len(left) < len(lines)
    project.lock.write_text("".join(left))


def test_one_that_cannot_be_proved_stays_as_it_was_and_pins_go_on(
    closed: Project,
    world: SmallDistribution,
    site_key: SiteKey,
    upstream_key: tuple[KeyHome, Key],
    tmp_path: Path,
) -> None:
    ask(closed, "build-essential")
    publish(closed)
    before = versions(closed)
    world.offer(world.main, "make", "4.4", Depends="libc6")
    world.withdraw("gcc", "12.2")
    world.offer(world.main, "gcc", "12.3", Depends="binutils, libc6")
    world.publish()
    closed.add("pin", upstream=MAIN, packages=["game"])
    closed.run("lock", "--upgrade")
    closed.run("sync")
    assert versions(closed)["gcc"] == "12.3"
    good = closed.lock.read_text()
    forget(closed, "binutils_2.40_amd64.deb")
    done = closed.run("publish", check=False)
    assert done.rc
    assert "binutils" in done.err
    shown = {one.name for one in (closed.site / "apt/debian/main").glob("*.deb")}
    assert "game_1.0_amd64.deb" in shown
    assert "gcc_12.3_amd64.deb" not in shown
    assert closed.run("verify").rc == 0
    for kind in FARS:
        far = kind(tmp_path / kind.__name__, site_key.key_file, upstream_key[1].fingerprint).init()
        brought(closed, far, tmp_path, 0)  # what security has withdrawn is signed by an older index, which came along
    with serve(far.site) as site:
        root = client(far, tmp_path, site.url)
        root.update()
        root.install("build-essential")
        assert installed(root) == before
    closed.lock.write_text(good)
    closed.run("publish")
    assert (closed.site / "apt/debian/main/gcc_12.3_amd64.deb").exists()


def test_other_bytes_under_a_members_version_are_named(closed: Project, world: SmallDistribution) -> None:
    world.offer(world.cuda, "make", "4.3", Depends="libc6", Homepage="https://example.com")
    world.publish()
    ask(closed, "build-essential", "cuda-cudart-12-6", **{"from": {"make": MAIN}})
    closed.add("pin", upstream=CUDA, packages=["make"])
    closed.run("lock")
    closed.run("sync")
    done = closed.run("publish", check=False)
    assert done.rc
    assert f"make 4.3 differs between {CUDA} and {MAIN}" in done.err
    assert (closed.site / f"apt/{CUDA}/make_4.3_amd64.deb").exists()


def test_update_tells_what_moves_and_which_suite_has_it(closed: Project, world: SmallDistribution) -> None:
    ask(closed, "build-essential")
    publish(closed)
    world.offer(world.security, "libc6", "2.36-9+deb12u2")
    world.offer(world.main, "game", "2.0")
    world.publish()
    before = closed.lock.read_bytes()
    done = closed.run("update")
    told = f"environment node: libc6 {NEW} -> 2.36-9+deb12u2 ({SECURITY}: Debian-Security bookworm-security)"
    assert told in done.out.splitlines()
    assert "game" not in done.out
    assert closed.lock.read_bytes() == before
    (one,) = closed.run("update", "--json").json["environments"]
    assert one["moved"] == [
        {
            "name": "libc6",
            "version": "2.36-9+deb12u2",
            "upstream": SECURITY,
            "source": "Debian-Security bookworm-security",
            "advisories": [],
        }
    ]
    closed.run("update", "--apply")
    assert versions(closed)["libc6"] == "2.36-9+deb12u2"


def test_every_other_verb_takes_it(closed: Project, world: SmallDistribution, tmp_path: Path) -> None:
    ask(closed, "cuda-toolkit-12-6")
    publish(closed)
    assert "cuda-toolkit-12-6 12.6.3-1 > cuda-nvcc-12-6" in closed.run("why", "gcc").out.replace("→", ">").replace(
        "->", ">"
    )
    assert "build-essential 12.9" in closed.run("tree").out
    world.offer(world.main, "make", "4.4", Depends="libc6")
    world.publish()
    closed.run("lock", "--upgrade")
    closed.run("sync")
    closed.run("publish")
    assert "make" in closed.run("diff", "1", "2").out
    closed.run("status")
    closed.run("gc")
    closed.run("rollback", "1")
    closed.run("verify")
    with serve(closed.site) as site:
        root = client(closed, tmp_path, site.url)
        root.update()
        root.install("cuda-toolkit-12-6")
        assert root.version("make") == "4.3"


@pytest.mark.parametrize("kind", [Far, pytest.param(FarAlone, marks=pytest.mark.lengthy)])
def test_a_far_side_proves_it_again_and_installs_it(
    closed: Project,
    site_key: SiteKey,
    upstream_key: tuple[KeyHome, Key],
    tmp_path: Path,
    world: SmallDistribution,
    kind: type[Far],
) -> None:
    ask(closed, "cuda-toolkit-12-6", bootstrap=True)
    publish(closed)
    far = kind(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint).init()
    brought(closed, far, tmp_path, 0)
    world.offer(world.security, "libc6", "2.36-9+deb12u2")
    world.publish()
    closed.run("update", "--apply")
    closed.run("sync")
    closed.run("publish")
    brought(closed, far, tmp_path, 1)
    far.run("verify")
    with serve(far.site) as site:
        root = client(far, tmp_path, site.url)
        root.update()
        root.install("cuda-toolkit-12-6")
        assert root.version("libc6") == "2.36-9+deb12u2"


def brought(near: Project, far: Far, folder: Path, since: int) -> None:
    """Carry what is new since a snapshot to the far side, and show it there."""
    bundle = folder / f"since-{since}.tar"
    near.run("bundle", "export", str(bundle), "--since", str(since))
    far.run("bundle", "import", str(bundle))
    far.run("publish")


def test_nvidias_keyring_is_held_back_even_where_it_is_a_member(
    closed: Project, world: SmallDistribution, tmp_path: Path
) -> None:
    world.offer(world.cuda, "cuda-keyring", "1.1-1")
    world.publish()
    ask(closed, "cuda-keyring", "make")
    publish(closed)
    with serve(closed.site) as site:
        root = client(closed, tmp_path, site.url, "node", "--hold-back-cuda-keyring")
        root.update()
        assert root.apt_get("-s", "install", "cuda-keyring", check=False).returncode
        root.install("make")
    for wrong in (["--cuda", "12"], ["--only", "make"], [MAIN]):
        closed.fail(3, "client", "apt", "--environment", "node", "--url", "http://site", *wrong)
    closed.fail(3, "client", "apt", "--url", "http://site")
    assert "node" in closed.fail(3, "client", "apt", "--environment", "nod", "--url", "http://site").hint
    closed.fail(3, "client", "dnf", "--environment", "node", "--url", "http://site")

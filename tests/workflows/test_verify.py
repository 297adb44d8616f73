"""``cudepot verify`` finds whatever was changed in store, snapshots and site, and changes nothing itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.sides import Near, deb_of
from simulator.site_key import SiteKey

from cudepot.sealed import sealed

PACKAGE = "apt/local/hello_1.0_amd64.deb"


def write(file: Path, data: bytes) -> None:
    """Put other bytes at a path, without touching what shares its inode."""
    file.unlink()
    file.write_bytes(data)


def flip(file: Path) -> None:
    """Flip one bit in place, size and time of change kept: what a dying disk does."""
    times = file.stat()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.chmod(0o644)
    with file.open("r+b") as out:
        out.write(data)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def snapshot(project: Project, number: int = 1) -> Path:
    """Where the store keeps a snapshot's document."""
    return project.store / "snapshots" / f"{number:06d}.json"


def faults(project: Project) -> list[str]:
    """Run verify, which must find something and change nothing; return what it says."""
    before = project.published()
    done = project.run("verify", "--json", check=False)
    assert done.rc == 5, done
    assert project.published() == before
    return [str(one) for one in done.json["faults"]]


def test_a_good_project_has_no_faults(grown: Project) -> None:
    answer = grown.run("verify", "--json").json
    assert (answer["faults"], answer["snapshots"]) == ([], 2)
    assert answer["objects"] == len(list((grown.store / "objects").glob("*/*")))
    assert answer["site_files"] == sum(one.is_file() for one in grown.site.rglob("*")) - 2
    assert "all good" in grown.run("verify").out


def flipped_object(project: Project) -> str:
    # Found by way of the site, which shares its inode in this project.
    flip(project.site / "apt/more/more_2.0_amd64.deb")
    return "its content has sha256"


def flipped_copy(project: Project) -> str:
    file = project.site / PACKAGE
    write(file, file.read_bytes())
    flip(file)
    return f"{PACKAGE}: sha256 "


def removed_file(project: Project) -> str:
    (project.site / PACKAGE).unlink()
    return f"{PACKAGE}: missing, or not a plain file"


def file_made_a_link(project: Project) -> str:
    (project.site / PACKAGE).rename(project.base / "deb")
    (project.site / PACKAGE).symlink_to(project.base / "deb")
    return f"{PACKAGE}: missing, or not a plain file"


def extra_file(project: Project) -> str:
    (project.site / "apt/local/evil.deb").write_bytes(b"x")
    return "apt/local/evil.deb: not part of the snapshot"


def removed_object(project: Project) -> str:
    name = json.loads(snapshot(project).read_bytes())["tree"][PACKAGE]["sha256"]
    (project.store / "objects" / name[:2] / name).unlink()
    return f"{PACKAGE} is not in the store"


def swapped_signatures(project: Project) -> str:
    one, two = (snapshot(project, number).with_suffix(".json.asc") for number in (1, 2))
    first, second = one.read_bytes(), two.read_bytes()
    write(one, second)
    write(two, first)
    return "000001.json: the signature does not match the text"


def edited_snapshot(project: Project) -> str:
    write(snapshot(project), snapshot(project).read_bytes().replace(b'"number": 1', b'"number": 7'))
    return "000001.json: the signature does not match the text"


def renamed_snapshot(project: Project) -> str:
    for suffix in (".json", ".json.asc"):
        shutil.copy(snapshot(project).with_suffix(suffix), snapshot(project, 3).with_suffix(suffix))
    return "contains snapshot 1, not 3"


def removed_first_snapshot_of_three(project: Project) -> str:
    project.sections = project.sections[:2]
    project.write()
    project.publish()
    for suffix in (".json", ".json.asc"):
        snapshot(project, 2).with_suffix(suffix).unlink()
    return "snapshot 3: does not follow snapshot 2"


def another_document_on_the_site(project: Project) -> str:
    write(project.site / "snapshot.json", snapshot(project).read_bytes())
    return "snapshot.json: differs from the store's"


def site_shows_nothing(project: Project) -> str:
    (project.base / "site/current").unlink()
    return "does not show a snapshot of this store"


DAMAGES: list[Callable[[Project], str]] = [
    flipped_object, flipped_copy, removed_file, file_made_a_link, extra_file, removed_object, swapped_signatures,
    edited_snapshot, renamed_snapshot, removed_first_snapshot_of_three, another_document_on_the_site,
    site_shows_nothing,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found(grown: Project, damage: Callable[[Project], str]) -> None:
    expected = damage(grown)
    found = faults(grown)
    assert any(expected in one for one in found), found
    told = grown.run("verify", check=False).out
    assert all(f"FAULT {one}" in told for one in found)


def test_indexes_are_followed_to_their_packages(shown: Project) -> None:
    """A snapshot that was signed by the right key and still does not hang together."""
    site = shown.base / "site"
    document = json.loads(snapshot(shown).read_bytes())
    tree = document["tree"]
    tree[PACKAGE], tree["apt/local/Packages.gz"] = tree["apt/local/Packages.gz"], tree[PACKAGE]
    write(snapshot(shown), json.dumps(document).encode())
    gnupg = shown.toml.read_text().partition('gnupg = "')[2].partition('"')[0]
    sign(snapshot(shown), Path(gnupg))
    shutil.rmtree(site)
    found = faults(shown)
    assert any("does not show a snapshot" in one for one in found)
    shown.run("publish", check=False)
    folder = site / "snapshots/000001"
    if not folder.is_dir():
        folder.mkdir(parents=True)
        (site / "current").symlink_to("snapshots/000001")
    found = faults(shown)
    assert "apt/local/InRelease: Packages.gz does not match this index" in found
    assert "apt/local/Packages: hello_1.0_amd64.deb does not match this index" in found


def sign(document: Path, gnupg: Path) -> None:
    """Sign a document anew with the site's key."""
    from simulator.process import run

    signature = document.with_suffix(".json.asc")
    signature.unlink()
    run("gpg", "--homedir", gnupg, "--batch", "--armor", "--output", signature, "--detach-sign", document)


CLASSES = {
    "object": "objects/*/*",
    "build record": "builds/*.json",
    "snapshot": "snapshots/*.json",
    "signature": "snapshots/*.asc",
    "memory": "upstreams/*.json",
    "log of roots": "roots.log",
    "format": "FORMAT",
}


@pytest.fixture(scope="module")
def rich_template(
    site_key_master: tuple[KeyHome, Key], upstream_key: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory
) -> Near:
    """A near side with every class of file in its store."""
    home, key = site_key_master
    folder = tmp_path_factory.mktemp("rich")
    near = Near(folder, SiteKey(home.path, key, folder / "x", folder / "y"), upstream_key)
    near.publish(deb_of("first"))
    near.publish(deb_of("second"))
    near.export("all.tar", 0)
    (near.project.store / "builds").mkdir(exist_ok=True)
    record = {"job": "a job", "licence": "", "built": []}
    (near.project.store / "builds/0.json").write_text(json.dumps(sealed(record)))
    return near


@pytest.mark.parametrize("kind", [*CLASSES, "exported"])
def test_a_flipped_bit_is_found_in_every_class_of_file(rich_template: Near, tmp_path: Path, kind: str) -> None:
    base = tmp_path / "project"
    subprocess.run(["cp", "-a", rich_template.project.base, base], check=True)
    pattern = CLASSES.get(kind, "exported/*.json")
    project = Project.__new__(Project)
    project.base, project.env = base, rich_template.project.env
    file = sorted((base / "store").glob(pattern))[0]
    flip(file)
    done = project.run("verify", check=False)
    assert done.rc in (3, 5), done
    assert "FAULT" in done.out or "error E" in done.err


@pytest.mark.parametrize("reached", [True, False], ids=["reached", "out of reach"])
def test_repair_brings_everything_back(rich_template: Near, tmp_path: Path, reached: bool) -> None:
    """Bad objects are fetched again, or forgotten, the site is mended, nothing wrong is shown in between."""
    base = tmp_path / "project"
    subprocess.run(["cp", "-a", rich_template.project.base, base], check=True)
    project = Project.__new__(Project)
    project.base, project.env = base, rich_template.project.env
    deb = project.site / "apt/up/second_1.0_amd64.deb"
    flip(deb)
    flip(project.store / "snapshots/000002.json")
    flip(next(iter((project.store / "upstreams").glob("*.json"))))
    flip(project.store / "builds/0.json")
    if not reached:
        text = project.toml.read_text()
        project.toml.write_text(text.replace('/upstream/"', '/nowhere/"'))
    done = project.run("verify", "--repair", "--json", check=False)
    assert any("put back from the site" in one for one in done.json["done"])
    if reached:
        assert done.rc == 0
        assert deb.is_file()
        assert "1 locked files fetched again" in done.json["done"]
    else:
        assert done.rc == 5
        assert not deb.exists(), "rather no file than a wrong one"
        assert any("not everything could be fetched again" in one for one in done.json["done"])
        project.toml.write_text(text)
    project.run("sync")
    project.run("publish")
    assert project.run("verify", "--json").json["faults"] == []
    assert deb.is_file()


def test_repair_takes_an_object_from_a_site_of_copies(shown: Project) -> None:
    file = shown.site / PACKAGE
    data = file.read_bytes()
    write(file, data)
    flip(shown.object(data))
    assert shown.run("verify", "--repair", "--json").json["done"]
    assert shown.object(data).read_bytes() == data
    assert shown.run("verify", "--json").json["faults"] == []
    assert "nothing" not in shown.run("verify", "--repair").out

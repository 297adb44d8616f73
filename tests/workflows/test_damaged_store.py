"""A store that holds other bytes than its names stand for: found, told, mended, and never shipped."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.sides import Near, deb_of
from simulator.site_key import SiteKey
from tests.projects import clone

DEB = "apt/up/first_1.0_amd64.deb"


@pytest.fixture(scope="session")
def near_template(
    site_key_master: tuple[KeyHome, Key], upstream_key: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory
) -> Near:
    """A project that has fetched one deb and published nothing yet; read only."""
    home, key = site_key_master
    folder = tmp_path_factory.mktemp("near")
    near = Near(folder, SiteKey(home.path, key, folder, folder), upstream_key)
    near.add(deb_of("first"))
    for verb in ("lock", "sync"):
        near.project.run(verb)
    return near


@pytest.fixture
def near(near_template: Near, site_key: SiteKey, tmp_path: Path) -> Project:
    return clone(near_template.project, tmp_path / "project", site_key.fingerprint, site_key.home)


def damage(project: Project, how: str) -> Path:
    """Do to the object of the deb what two writers of one part did, or a hand in the site's folder."""
    name = next(one for one in project.lock.read_text().split('"') if len(one) == 64 and project.object_of(one).exists()
                and project.object_of(one).read_bytes().startswith(b"!<arch>"))  # fmt: skip
    path = project.object_of(name)
    path.chmod(0o644)
    data = path.read_bytes()
    path.write_bytes({"longer": data + data[:40], "same size": data[:-1] + b"X", "cut": data[:-1]}[how])
    return path


HOWS = ("longer", "same size", "cut")


@pytest.mark.parametrize("how", HOWS)
def test_publish_does_not_ship_it_and_its_hint_mends_it(near: Project, how: str) -> None:
    path = damage(near, how)
    done = near.fail(3, "publish")
    assert f"object {path.name} of the store is damaged" in done.err
    assert "1 locked artifacts are not in the store, or damaged there" in done.error
    assert "run `cudepot sync`" in done.err
    assert not near.site.exists()
    done = near.run("sync")
    assert f"object {path.name} of the store is damaged" in done.err
    near.run("publish")
    assert near.run("verify", "--json").json["faults"] == []


@pytest.mark.parametrize("how", HOWS)
def test_verify_names_it_and_repair_fetches_it_again(near: Project, how: str) -> None:
    path = damage(near, how)
    done = near.run("verify", "--json", check=False)
    assert done.rc == 5
    assert any(path.name in one for one in done.json["faults"])
    assert "1 locked files fetched again" in near.run("verify", "--repair", "--json").json["done"]
    assert near.run("verify", "--json").json["faults"] == []


@pytest.mark.parametrize("how", HOWS)
def test_a_bundle_does_not_ship_it_and_its_hint_mends_it(near: Project, how: str, tmp_path: Path) -> None:
    near.run("publish")
    path = damage(near, how)
    done = near.fail(3, "bundle", "export", str(tmp_path / "b.tar"), "--since", "0")
    assert f"object {path.name} of the store is damaged" in done.err
    assert "or damaged there" in done.error
    assert not (tmp_path / "b.tar").exists()
    for verb in (("verify", "--repair"), ("sync",), ("repackage",), ("publish",)):
        near.run(*verb)
    near.run("bundle", "export", str(tmp_path / "b.tar"), "--since", "0")
    assert near.run("verify", "--json").json["faults"] == []


def test_rollback_does_not_show_it(grown: Project) -> None:
    damage(grown, "same size")
    assert "or damaged there" in grown.fail(3, "rollback", "1").error


def test_a_store_of_an_earlier_cudepot_is_hashed_once_and_then_trusted(near: Project) -> None:
    """Such a store has no marks; what it holds is right but for what two writers did to it."""
    for one in (near.store / "objects").glob("*/*"):
        os.utime(one, ns=(0, 1_700_000_000_999_999_999))
    assert "objects that were not hashed here" in near.run("publish").err
    assert "objects that were not hashed here" not in near.run("publish").err
    assert near.run("verify", "--json").json["faults"] == []


def test_a_copied_store_with_one_bad_object_is_mended_by_sync(near: Project) -> None:
    copy = near.base / "copy"
    subprocess.run(["cp", "-r", near.store, copy], check=True)
    subprocess.run(["rm", "-rf", near.store], check=True)
    copy.rename(near.store)
    path = damage(near, "same size")
    done = near.run("sync", "--json")
    assert json.loads(done.out)["fetched_files"] == 1
    assert path.name in done.err
    near.run("publish")
    assert near.run("verify", "--json").json["faults"] == []

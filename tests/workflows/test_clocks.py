"""A clock that is wrong: what cannot be checked because of it is said to be so, and nothing signed is forgotten."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.keys import Key, KeyHome
from simulator.project import Project, snapshot_of
from simulator.sides import Far, Near, deb_of
from simulator.site_key import SiteKey
from tests.clients.apt import AptRoot
from tests.clients.http import serve
from tests.workflows.incident_world import World

from cudepot.cli import context
from cudepot.cli.main import main
from cudepot.errors import ClockError
from cudepot.signing.gpgv import Gpgv
from cudepot.store.layout import IMPORTED
from cudepot.store.manifests import Manifests

BORN = "20990101T000000!"
LATER = "20990201T000000!"


@pytest.fixture
def far(site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> Far:
    """A far side that shows what one bundle brought."""
    near = Near(tmp_path, site_key, upstream_key)
    near.publish(deb_of("first"))
    made = Far(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint).init()
    (made.base / "keys").mkdir(exist_ok=True)
    (made.base / f"keys/{upstream_key[1].fingerprint}.asc").write_bytes(upstream_key[1].armored)
    made.take(*near.export("full.tar", 0))
    made.run("publish")
    assert made.run("verify", "--json").json["faults"] == []
    return made


def with_keys_from_the_future(far: Far, keys: KeyHome, key: Key) -> None:
    """Sign everything anew with a key that is newer than this machine's clock: as if the clock were years back."""
    toml = far.base / "cudepot.toml"
    old = next(line for line in toml.read_text().splitlines() if line.startswith("from = "))
    toml.write_text(toml.read_text().replace(old, f'from = "{key.fingerprint}"'))
    ring = next(line for line in toml.read_text().splitlines() if line.startswith("from-keyring = "))
    (far.base / ring.partition('"')[2].rstrip('"')).write_bytes(key.armored)
    for path in (far.store / "snapshots").glob("*.json"):
        signature = path.with_suffix(".json.asc")
        signature.chmod(0o644)
        signature.write_bytes(keys.detach(path.read_bytes(), key, when=LATER))
    imported = Manifests(far.store, IMPORTED)
    for name in imported.names():
        document, _ = imported.read(name)
        imported.add(name, document, keys.detach(document, key, when=LATER))


def test_a_key_newer_than_the_clock_is_named_as_such(tmp_path: Path) -> None:
    with KeyHome() as keys:
        key = keys.generate("later <later@example.com>", when=BORN)
        ring = tmp_path / "ring.gpg"
        ring.write_bytes(key.binary)
        signature = keys.detach(b"text", key, when=LATER)
    with pytest.raises(
        ClockError, match=r"made in the future: it was made 2099-02-01.*this machine's clock says 20"
    ) as it:
        Gpgv([ring], [key.fingerprint]).detached(b"text", signature, "a document")
    assert "set this machine's clock" in it.value.hint


def test_repair_forgets_nothing_that_cannot_be_checked_now(far: Far) -> None:
    with KeyHome() as keys:
        with_keys_from_the_future(far, keys, keys.generate("later <later@example.com>", when=BORN))
    before = snapshot_of(far.store / "imported", far.store / "snapshots")
    done = far.run("verify", check=False)
    assert done.rc == 5
    assert "the signature was made in the future" in done.out
    assert "set this machine's clock first" in done.out
    assert "--repair" not in done.out
    told = far.fail(5, "publish")
    assert "made in the future" in told.error
    assert "set this machine's clock" in told.hint
    repaired = far.run("verify", "--repair", check=False)
    assert "imported/000001.json: kept" in repaired.out
    assert snapshot_of(far.store / "imported", far.store / "snapshots") == before


@pytest.mark.parametrize("trouble", ["no gpgv", "no keyring", "an expired key"])
def test_repair_forgets_nothing_for_other_reasons_of_this_machine(far: Far, tmp_path: Path, trouble: str) -> None:
    if trouble == "no gpgv":
        only = tmp_path / "bin"
        only.mkdir()
        far.env["PATH"] = str(only)
    elif trouble == "no keyring":
        next(far.base.glob("keys/*site*"), next(far.base.glob("keys/*"))).chmod(0)
        for one in far.base.glob("keys/*"):
            one.unlink()
    else:
        with KeyHome() as keys:
            key = keys.expired("site <site@example.com>")
            with_expired(far, keys, key)
    before = snapshot_of(far.store / "imported", far.store / "snapshots")
    assert far.run("verify", "--repair", check=False).rc != 0
    assert snapshot_of(far.store / "imported", far.store / "snapshots") == before


def with_expired(far: Far, keys: KeyHome, key: Key) -> None:
    toml = far.base / "cudepot.toml"
    old = next(line for line in toml.read_text().splitlines() if line.startswith("from = "))
    toml.write_text(toml.read_text().replace(old, f'from = "{key.fingerprint}"'))
    ring = next(line for line in toml.read_text().splitlines() if line.startswith("from-keyring = "))
    (far.base / ring.partition('"')[2].rstrip('"')).write_bytes(key.armored)
    imported = Manifests(far.store, IMPORTED)
    for name in imported.names():
        document, _ = imported.read(name)
        imported.add(name, document, keys.detach(document, key, when="20200101T000000!"))


def test_a_damaged_manifest_is_still_forgotten(far: Far) -> None:
    path = far.store / "imported/000001.json"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"snapshot", b"snapshut", 1))
    assert "000001.json: forgotten" in far.run("verify", "--repair", check=False).out
    assert not path.exists()


def test_on_the_near_side_the_clock_is_the_fault_of_that_upstream(world: World) -> None:
    with KeyHome() as keys:
        key = keys.generate("later <later@example.com>", when=BORN)
        good = world.add("good")
        assert good.url
        late = world.add("late")
        late.keys, late.key = keys, key
        (world.folder / "late.gpg").write_bytes(key.binary)
        section = world.project.sections[-2]
        world.project.sections[-2] = section.replace(world.key.fingerprint, key.fingerprint).replace(
            str(world.keyring), str(world.folder / "late.gpg")
        )
        world.project.write()
        root = late.repo.folder / "InRelease"
        late.repo.put(root, keys.clearsign((late.repo.folder / "Release").read_bytes(), key, when=LATER))
        told = world.project.fail(5, "lock")
    assert "late: this machine's clock is behind" in told.error
    assert "set this machine's clock" in told.hint
    assert "good" in world.project.lock.read_text()


class Later(datetime.datetime):
    """The time of a machine whose clock is ten years ahead."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        return datetime.datetime.now(tz) + datetime.timedelta(days=3650)


def published_in_ten_years(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(context, "datetime", SimpleNamespace(datetime=Later, UTC=datetime.UTC))
        assert main(["publish", "-C", str(project.base), "-q"]) == 0


def test_a_site_that_was_published_in_the_future_can_be_used_again(
    shown: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real apt refuses a Release of the future; the way out that is told makes it one that apt takes."""
    folder = next(one for one in shown.sections if "[[upstream]]" in one).partition("path = ")[2].split('"')[1]
    copied = tmp_path / "local"
    shutil.copytree(folder, copied)
    write_deb(simple_deb("more", "2.0"), copied)
    shown.sections = [one.replace(folder, str(copied)) for one in shown.sections]
    shown.write()
    shown.run("lock")
    shown.run("sync")
    published_in_ten_years(shown, monkeypatch)
    with serve(shown.site) as site:
        root = AptRoot(tmp_path / "root")
        root.add_source(f"{site.url}/apt/local/", shown.site / "keys/site.gpg")
        with pytest.raises(AssertionError, match=r"not valid yet|future"):
            root.update()
        told = shown.fail(5, "publish")
        assert "this machine's clock says" in told.error
        assert "cudepot publish --clock-is-right" in told.hint
        assert "this machine's clock says" in shown.run("verify", check=False).out
        checked = shown.run("status", "--check", check=False)
        assert checked.rc == 14
        assert "this machine's clock says" in checked.out
        shown.run("publish", "--clock-is-right")
        root.update()
        assert "Candidate: 2.0" in root.policy("more")
    assert shown.run("verify", "--json").json["faults"] == []
    assert shown.run("status", "--check").rc == 0
    assert shown.run("publish", "--json").json["fresh"] is False

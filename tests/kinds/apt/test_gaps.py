"""Pins and clients of apt: what is held, what one repository cannot hold, what leads out of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulator.apt import FlatRepo
from simulator.project import Project
from tests.clients.http import Site
from tests.kinds.apt.world import deb, want

from cudepot.formats.apt import PackageIndex
from cudepot.kinds.apt.rules.closure import select
from cudepot.kinds.apt.rules.installable import Wishes
from cudepot.kinds.apt.rules.offers import Offers
from cudepot.kinds.apt.rules.pins import DebPin


def test_a_client_holds_the_pins_and_what_they_name_exactly_but_no_libc(
    project: Project, upstream: Site, flat: FlatRepo, tmp_path: Path
) -> None:
    tools = deb(tmp_path, "tools", Depends="tools-bin (= 1.0), libc6 (>= 1.0)")
    flat.add(tools, deb(tmp_path, "tools-bin", Depends="tools-data (= 1.0)"), deb(tmp_path, "tools-data"))
    flat.add(deb(tmp_path, "libc6"))
    flat.publish()
    want(project, upstream, flat, "tools=1.0")
    project.publish()
    out = tmp_path / "client"
    project.run("client", "apt", "u", "--url", "https://mirror.example/", "--output", str(out))
    locked = next(out.rglob("*-locked.pref")).read_text()
    assert all(f"Package: {name}\n" in locked for name in ("tools", "tools-bin", "tools-data"))
    assert "libc6" not in locked
    assert (project.site / "apt/u/libc6_1.0_amd64.deb").exists(), "it is there all the same"


def test_two_versions_that_differ_in_their_epoch_only_are_refused_when_locked(
    project: Project, upstream: Site, flat: FlatRepo, tmp_path: Path
) -> None:
    for folder, version in (("a", "1.0"), ("b", "1:1.0")):
        (flat.folder / folder).mkdir()
        (tmp_path / folder).mkdir()
        made = deb(tmp_path / folder, "hello", version)
        flat.add(made)
        name = made.name
        plain = "hello_1.0_amd64.deb"
        flat.put(flat.folder / folder / plain, made.read_bytes())
        flat.stanzas[-1] = flat.stanzas[-1].replace(f"Filename: ./{name}", f"Filename: ./{folder}/{plain}")
    flat.publish()
    want(project, upstream, flat, "hello=1.0", "hello=1:1.0")
    assert "are both called hello_1.0_amd64.deb and differ" in project.fail(6, "lock").error
    assert not project.lock.exists()


def test_lock_refuses_a_link_out_of_the_folder_as_sync_does(project: Project, tmp_path: Path) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    (downloads / "hello_1.0_amd64.deb").symlink_to(deb(tmp_path, "hello"))
    project.add("upstream", name="d", type="folder", path=str(downloads))
    project.add("pin", upstream="d", packages=["*.deb"])
    assert "leads outside the folder" in project.fail(4, "lock").error


def test_of_thousands_of_pins_only_those_about_a_package_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    count, asked = 3000, 0
    speaks_of = DebPin.speaks_of

    def counted(self: DebPin, package: object) -> bool:
        nonlocal asked
        asked += 1
        return speaks_of(self, package)  # type: ignore[arg-type]

    monkeypatch.setattr(DebPin, "speaks_of", counted)
    text = "\n".join(
        f"Package: p{n}\nVersion: 1\nArchitecture: amd64\nDepends: p{n + 1}\nFilename: p{n}.deb\nSize: 1\n"
        f"SHA256: {n:064x}\n" for n in range(count + 1)
    ).replace(f"Depends: p{count + 1}\n", "")  # fmt: skip
    found = select(
        Offers([PackageIndex(text.encode(), "u")]), Wishes("u", [DebPin(f"p{n}") for n in range(count)], ("amd64",))
    )
    assert len(found.chosen) == count + 1
    assert asked < 10 * count

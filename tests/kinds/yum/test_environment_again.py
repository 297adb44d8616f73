"""Environments of rpms that are locked again: what stays, what moves and why, what is told when nothing can be had."""

from __future__ import annotations

import tomllib
from pathlib import Path

from simulator.el import APPS, BASE, NAMES, UPDATES, VENDOR, El
from simulator.project import Project
from simulator.rpm_many import small
from tests.clients.dnf import DnfRoot
from tests.kinds.yum.el_world import add_el, add_environment, add_upstream, asks_dnf, forge, locked


def test_nothing_new_costs_one_request_an_upstream(el: El, project: Project) -> None:
    add_el(project, el)
    add_environment(project, "coreutils", "editor")
    add_environment(project, "plugin", name="other")
    project.add("pin", upstream=UPDATES, packages=["viewer"])
    project.run("lock")
    before = project.lock.read_bytes()
    el.server.requests.clear()
    project.run("lock")
    assert project.lock.read_bytes() == before
    assert len(el.server.requests) == len(NAMES)


def test_what_is_locked_stays_until_it_is_upgraded(el: El, project: Project) -> None:
    add_el(project, el)
    add_environment(project, "coreutils", "editor")
    project.run("lock")
    before = locked(project)
    el.add(UPDATES, small("openssl-libs", "3.0.8", "Epoch: 1", "Requires: libc.so.6()(64bit)"), small("editor", "3"))
    project.run("lock")
    assert locked(project) == before
    project.run("lock", "--upgrade", "openssl-libs")
    moved = before - {f"{UPDATES} openssl-libs-1:3.0.7-1.x86_64"} | {f"{UPDATES} openssl-libs-1:3.0.8-1.x86_64"}
    assert locked(project) == moved
    project.run("lock", "--upgrade")
    assert f"{UPDATES} editor-3-1.x86_64" in locked(project)


def test_update_says_which_advisory_moves_a_package(el: El, project: Project) -> None:
    add_el(project, el)
    held = el.root / UPDATES / "openssl-libs-3.0.7-1.x86_64.rpm"
    there = held.read_bytes()
    held.unlink()
    el.repository(UPDATES).publish()
    add_environment(project, "coreutils")
    project.run("lock")
    assert f"{BASE} openssl-libs-1:3.0.1-1.x86_64" in locked(project)
    held.write_bytes(there)
    el.repository(UPDATES).publish()
    told = project.run("update", check=False)
    assert "openssl-libs" in told.out
    assert "ELSA-2026:0001 (Important)" in told.out


def test_what_an_upstream_dropped_is_chosen_anew_and_told(el: El, project: Project) -> None:
    add_el(project, el)
    add_environment(project, "viewer")
    project.run("lock")
    (el.root / UPDATES / "viewer-1.1-1.x86_64.rpm").unlink()
    el.repository(UPDATES).publish()
    done = project.run("lock")
    assert "no longer offered, so chosen again: viewer-1.1-1.x86_64" in done.out + done.err
    assert f"{APPS} viewer-1-1.x86_64" in locked(project)


def test_an_environment_that_fails_stays_while_pins_move_on(el: El, project: Project, tmp_path: Path) -> None:
    """Its packages hang from the older root, the pin's from the newer: one repository on the site has both."""
    add_el(project, el)
    add_environment(project, "viewer")
    project.add("pin", upstream=UPDATES, packages=["openssl-libs"])
    project.publish()
    before = locked(project)
    (el.root / UPDATES / "viewer-data-1.1-1.noarch.rpm").unlink()
    (el.root / APPS / "viewer-1-1.x86_64.rpm").unlink()
    el.repository(APPS).publish()
    el.add(UPDATES, small("openssl-libs", "3.0.8", "Epoch: 1"))
    failed = project.run("lock", check=False)
    assert "nothing provides viewer-data needed by viewer-1.1-1.x86_64" in failed.err
    assert locked(project) == before
    (upstream,) = (one for one in tomllib.loads(project.lock.read_text())["upstream"] if one["name"] == UPDATES)
    assert len(upstream["root"]) == 2
    project.run("sync")
    project.run("publish")
    project.run("verify")
    root = DnfRoot(tmp_path / "dnf", release="9")
    root.add_repo("site", (project.site / "yum" / UPDATES).as_uri(), None)
    there = root.query("--qf", "%{name}-%{evr}")
    assert there == ["openssl-libs-1:3.0.8-1", "viewer-1.1-1", "viewer-data-1.1-1"]


def test_priorities_and_owners_are_dnfs(el: El, project: Project, tmp_path: Path) -> None:
    add_el(project, el)
    add_environment(project, "cron", "libcuda", name="plain")
    add_environment(project, "cron", "libcuda", name="first", priorities={APPS: 10})
    add_environment(project, "cron", "libcuda", name="owned", **{"from": {"libcuda*": APPS, "exim": VENDOR}})
    wrong = {"from": {"libcuda*": APPS, "exmi": VENDOR}}
    project.add("environment", name="idle", distribution="rokcy9", rpm=["cron"], **wrong)
    told = project.run("lock").out
    assert "`from` names 'exmi', but no upstream has a package of that name" in told
    assert "'libcuda*'" not in told
    assert "no distribution is known as 'rokcy9': did you mean rocky9" in told
    names = ["cron", "libcuda"]
    plain, first, owned = asks_dnf(
        el,
        tmp_path,
        [
            {"names": names},
            {"names": names, "repositories": {APPS: {"priority": 10}}},
            {"names": names, "repositories": {APPS: {"excludes": ["exim"]}, VENDOR: {"excludes": ["libcuda*"]}}},
        ],
    )
    assert (locked(project, "plain"), locked(project, "first"), locked(project, "owned")) == (plain, first, owned)
    assert f"{VENDOR} libcuda-3:3.0-1.x86_64" in plain
    assert f"{APPS} libcuda-1.0-1.x86_64" in first
    assert f"{APPS} libcuda-1.0-1.x86_64" in owned


def test_what_the_machine_has_before_is_left_out_and_named(el: El, project: Project) -> None:
    add_el(project, el)
    (project.base / "has.txt").write_text("setup-1-1.noarch\nopenssl-libs-3.0.0-1.x86_64\nglibc-2.34-1.x86_64\n")
    add_environment(project, "coreutils", "gawk", name="minimal", base="minbase")
    add_environment(project, "coreutils", "gawk", name="listed", base="file:has.txt")
    project.publish()
    assert locked(project, "minimal") == {f"{BASE} gawk-5.1-1.x86_64"}
    assert locked(project, "listed") == {f"{BASE} gawk-5.1-1.x86_64", f"{BASE} coreutils-8.32-1.x86_64"}
    targets = {one["name"]: one["target"][0] for one in tomllib.loads(project.lock.read_text())["environment"]}
    assert targets["minimal"]["external"] == ["coreutils", "libc.so.6()(64bit)"]
    assert targets["listed"]["external"] == ["libc.so.6()(64bit)", "openssl-libs"]


def test_what_cannot_be_had_is_named(el: El, project: Project) -> None:
    add_el(project, el)
    add_environment(project, "vewer", "node-22.0", "picky-2", name="wrong")
    add_environment(project, "picky", name="older")
    add_environment(project, "picky=3", name="spelt")
    done = project.run("lock", check=False)
    assert "none of the environment's upstreams has vewer" in done.err
    assert "similar names there: viewer" in done.err
    assert "belongs to a module stream that is not active" in done.err
    assert "write picky-" in done.err
    assert "picky-1-1.x86_64 is chosen, because picky-2-1.x86_64 cannot be installed" in done.out + done.err
    assert locked(project, "older") == {f"{APPS} picky-1-1.x86_64"}


def test_dnf_download_misses_what_names_need_together(el: El, project: Project, tmp_path: Path) -> None:
    """The peer solves each name alone: what `(bridge if viewer)` asks for, when both come, is not in its folder."""
    add_el(project, el)
    add_environment(project, "plugin", "viewer")
    project.run("lock")
    root = DnfRoot(tmp_path / "dnf", release="9")
    for name in NAMES:
        root.add_repo(name.replace("/", "-"), el.url(name), None)
    root.dnf("download", "--resolve", "--alldeps", "--destdir", str(tmp_path / "peer"), "plugin", "viewer")
    peer = {path.name for path in (tmp_path / "peer").glob("*.rpm")}
    ours = {member.rpartition("/")[2] for member in _members(project)}
    assert ours - peer == {"bridge-1-1.x86_64.rpm", "bridge-data-1-1.noarch.rpm"}
    alone = DnfRoot(tmp_path / "alone", release="9")
    assert "bridge" in alone.dnf("install", *map(str, (tmp_path / "peer").glob("*.rpm")), check=False).stderr


def _members(project: Project) -> list[str]:
    (one,) = tomllib.loads(project.lock.read_text())["environment"]
    return list(one["target"][0]["members"])


def test_an_export_is_what_dnf_install_takes(el: El, project: Project, tmp_path: Path) -> None:
    add_el(project, el)
    add_environment(project, "plugin", "viewer")
    project.publish()
    project.run("export", "--environment", "node", "--url", project.site.as_uri(), "--output", str(tmp_path / "out"))
    listed = (tmp_path / "out/node-rocky9-x86_64.list").read_text().split()
    root = DnfRoot(tmp_path / "dnf", release="9")
    for name in NAMES[:3]:
        root.add_repo(name.replace("/", "-"), (project.site / "yum" / name).as_uri(), None)
    root.install(*listed)
    assert set(root.installed()) == {one.split(" ")[1].rsplit("-", 2)[0] for one in locked(project)}
    assert "bridge" in project.run("why", "bridge-data").out
    assert "plugin" in project.run("tree", "node").out


def test_each_architecture_takes_the_upstreams_that_are_for_it(el: El, project: Project) -> None:
    """A machine of another architecture is solved here, from repositories of its own."""
    rpms = [
        small("glibc", "2.34", "Provides: libc.so.6()(64bit)", arch="aarch64"),
        small("gawk", "5.1.2", "Requires: libc.so.6()(64bit)", "Requires: words", arch="aarch64"),
        small("words", "3", arch="noarch"),
    ]
    el.create("el9/arm", *rpms)
    add_el(project, el)
    add_upstream(project, el, "el9/arm", architectures=["aarch64"])
    add_environment(project, "gawk", architectures=["x86_64", "aarch64"])
    project.publish()
    (environment,) = tomllib.loads(project.lock.read_text())["environment"]
    targets = {one["name"]: one["members"] for one in environment["target"]}
    assert list(targets) == ["rocky9-x86_64", "rocky9-aarch64"]
    assert targets["rocky9-aarch64"] == [
        "el9/arm/gawk-5.1.2-1.aarch64.rpm", "el9/arm/glibc-2.34-1.aarch64.rpm", "el9/arm/words-3-1.noarch.rpm",
    ]  # fmt: skip
    assert all(one.startswith(f"{BASE}/") for one in targets["rocky9-x86_64"])


def test_a_primary_that_dnf_cannot_read_is_named(el: El, project: Project) -> None:
    add_el(project, el)
    add_environment(project, "gawk")
    forge(el, BASE, lambda text: text.replace(b"</metadata>", b""))
    done = project.run("lock", check=False)
    assert "primary" in done.err
    assert "not well-formed" in done.err

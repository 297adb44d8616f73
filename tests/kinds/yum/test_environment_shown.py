"""Environments of rpms on the site: what is held back, what a pin beside them moves, and what a far side takes."""

from __future__ import annotations

from pathlib import Path

from simulator.el import APPS, BASE, El
from simulator.project import Project
from simulator.rpm_many import small
from simulator.sides import Far
from simulator.site_key import SiteKey
from tests.clients.dnf import DnfRoot
from tests.clients.http import serve
from tests.kinds.yum.el_world import add_el, add_environment, locked


def client(project: Project, folder: Path, url: str) -> DnfRoot:
    """Return a dnf that takes what `client dnf --environment` wrote."""
    files = folder / "files"
    project.run("client", "dnf", "--environment", "node", "--url", url, "--output", str(files))
    root = DnfRoot(folder / "dnf", release="9")
    for path in (files / "node/etc/yum.repos.d").iterdir():
        text = path.read_text().replace("file:///etc", f"file://{files}/node/etc")
        (root.path / "etc/yum.repos.d" / path.name).write_text(text)
    return root


def names(project: Project) -> list[str]:
    return sorted(one.split(" ")[1] for one in locked(project))


def listed(root: DnfRoot) -> list[str]:
    done = root.dnf("repoquery", "--quiet", "--installed", "--qf", "%{name}-%{evr}.%{arch}")
    return sorted(done.stdout.split())


def test_a_pin_on_a_newer_version_beside_it_moves_no_client(el: El, project: Project, tmp_path: Path) -> None:
    el.add(APPS, small("kernel-headers", "6.0"))
    add_el(project, el)
    add_environment(project, "gcc", "kernel-headers-5.14", priorities={APPS: 40})
    project.add("pin", upstream=APPS, packages=["kernel-headers-6.0*"])
    project.publish()
    shown = {path.name for path in (project.site / f"yum/{APPS}").rglob("kernel-headers-*.rpm")}
    assert len(shown) == 2
    with serve(project.site) as site:
        root = client(project, tmp_path, f"{site.url}/")
        text = (root.path / "etc/yum.repos.d/acme.repo").read_text()
        assert [line for line in text.splitlines() if line.startswith("priority=")] == ["priority=99", "priority=40"]
        root.install("gcc")
        assert listed(root) == names(project)


def test_one_that_cannot_be_proved_stays_as_it_was_and_pins_go_on(
    el: El, project: Project, site_key: SiteKey, tmp_path: Path
) -> None:
    add_el(project, el)
    add_environment(project, "gcc")
    project.publish()
    before = names(project)
    next((el.root / APPS).rglob("gcc-11.4-1.x86_64.rpm")).unlink()  # what is held is in older metadata alone
    el.add(APPS, small("gcc", "12.1", "Requires: glibc-devel"))
    project.add("pin", upstream=BASE, packages=["words"])
    project.run("lock", "--upgrade")
    project.run("sync")
    assert any("gcc-12.1" in one for one in names(project))
    lines = project.lock.read_text().splitlines(keepends=True)
    left = [line for line in lines if not line.strip().startswith(f'"{APPS}/glibc-devel')]
    assert len(left) < len(lines)
    project.lock.write_text("".join(left))
    done = project.run("publish", check=False)
    assert done.rc
    assert "environment node" in done.err
    assert "glibc-devel" in done.err
    assert list((project.site / f"yum/{BASE}").rglob("words-*.rpm"))
    assert not list((project.site / f"yum/{APPS}").rglob("gcc-12.1*.rpm"))
    project.run("verify")
    far = Far(tmp_path / "far", site_key.key_file, el.key.fingerprint).init()
    project.run("bundle", "export", str(tmp_path / "all.tar"), "--since", "0")
    far.run("bundle", "import", str(tmp_path / "all.tar"))
    far.run("publish")
    with serve(far.site) as site:
        root = client(far, tmp_path, f"{site.url}/")
        root.install("gcc")
        assert listed(root) == before


def test_update_tells_what_moves_with_its_advisories(el: El, project: Project) -> None:
    add_el(project, el)
    add_environment(project, "coreutils", "viewer", upstreams=[BASE, APPS])
    project.run("lock")
    text = project.toml.read_text().replace(f'upstreams = ["{BASE}", "{APPS}"]\n', "")
    project.toml.write_text(text)
    done = project.run("update", "--json").json
    (one,) = done["environments"]
    told = {each["name"]: each["advisories"] for each in one["moved"]}
    assert any("ELSA-2026:0001" in text for text in told["openssl-libs"])
    assert "openssl-libs" in project.run("update").out

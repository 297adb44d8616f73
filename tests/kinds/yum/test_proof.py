"""What is published of a yum repository can be installed from the site, or `lock` or `publish` say what cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from simulator.odd_yum import OddYum, Shelf
from simulator.project import Project
from simulator.rpms import Rpm, simple_rpm
from simulator.server import Server
from tests.clients.dnf import DnfRoot

pytestmark = pytest.mark.slow
Publish = Callable[..., None]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "www").mkdir()
    with Server(tmp_path / "www") as one:
        yield one


@pytest.fixture
def upstream(project: Project, served: Server, tmp_path: Path) -> Publish:
    """Give what makes an upstream of some rpms, and pins packages of it."""
    shelf = Shelf(tmp_path / "shelf")

    def make(name: str, rpms: list[Rpm], *pins: str, **more: object) -> None:
        odd = OddYum(served.root / name, f"{served.url}/{name}/", shelf)
        odd.add(*rpms)
        odd.index()
        odd.write()
        common = {"trust": "hash-lock", "keys": [], "rpm_keys": []}
        project.add("upstream", name=name, type="yum", url=odd.url, **{**common, **more})
        project.add("pin", upstream=name, packages=list(pins))

    return make


def rpm(name: str, version: str = "1", *tags: str, arch: str = "x86_64") -> Rpm:
    return simple_rpm(name, version, "1", arch, *tags)


def installs(project: Project, tmp_path: Path, name: str, *specs: str, distribution: tuple[str, ...] = ()) -> bool:
    """Return whether dnf fetches packages with all they need from the site, and what the distribution provides."""
    root = DnfRoot(tmp_path / f"dnf-{'-'.join(specs)}")
    root.add_repo("site", (project.site / "yum" / name).as_uri(), None)
    if distribution:
        root.provide(*distribution)
    return not root.install(*specs, "--downloadonly", check=False).returncode


GOOD = [
    rpm("app", "1", "Requires: (extra if unpinned)", "Requires: (here or nowhere)", "Requires: glibc >= 2.17",
        "Requires: /usr/share/doc/here/README", "Requires: /usr/bin/env", "Conflicts: unpinned"),
    rpm("app", "2", "Requires: here >= 2"),
    rpm("here", "1"), rpm("here", "2"), rpm("unpinned"), rpm("extra"),
    rpm("variant-11", "1", "Conflicts: variant-12"), rpm("variant-12", "1", "Conflicts: variant-11"),
    rpm("old"), rpm("new", "1", "Obsoletes: old"), rpm("both", "1", "Requires: libb(x86-32)"),
    rpm("libb", "1", "Provides: libb(x86-32)", arch="i686"),
]  # fmt: skip


def test_what_can_be_installed_is_no_alarm(project: Project, upstream: Publish, tmp_path: Path) -> None:
    """Versions, variants and names that exclude each other lie side by side in a mirror."""
    pins = ("app-1", "app-2", "variant-1*", "old", "both")
    upstream("u", GOOD, *pins, architectures=["x86_64", "i686"])
    project.add("pin", upstream="u", packages=["new"])
    project.publish()
    provided = ("glibc = 2.28", "/usr/bin/env")
    for spec in ("app-1", "app-2", "variant-11", "variant-12", "old-1", "new", "both"):
        assert installs(project, tmp_path, "u", spec, distribution=provided), spec
    proofs = project.store / "proofs.json"
    before = proofs.stat().st_mtime_ns
    assert project.run("publish", "--json").json["fresh"] is False
    assert proofs.stat().st_mtime_ns == before, "unchanged metadata are not solved again"


def test_what_no_client_could_install_is_refused_until_it_is_allowed(
    project: Project, upstream: Publish, tmp_path: Path
) -> None:  # fmt: skip
    upstream("u", [rpm("app", "1", "Requires: libz"), rpm("libz", "2", "Conflicts: app"), rpm("fine")], "app", "fine")
    upstream("v", [rpm("tool")], "tool")
    done = project.fail(6, "lock")
    assert "app-1-1.x86_64 (cannot be installed on x86_64)" in done.error
    assert 'cudepot lock --allow-unsolvable u --reason "…"' in done.hint
    assert 'name = "v"' in project.lock.read_text(), "the other upstream is locked all the same"
    project.run("lock", "--allow-unsolvable", "u", "--reason", "app comes with the next libz")
    project.run("sync")
    assert "app comes with the next libz" in project.run("publish").out
    assert installs(project, tmp_path, "u", "fine")
    assert not installs(project, tmp_path, "u", "app")


LIBS = [rpm("lib", "1"), rpm("lib", "2"), rpm("new", "1", "Requires: lib"), rpm("old", "1", "Requires: lib < 2")]


def test_packages_of_one_table_are_chosen_so_that_they_go_together(
    project: Project, upstream: Publish, tmp_path: Path
) -> None:
    upstream("u", LIBS, "new", "old")
    project.publish()
    assert installs(project, tmp_path, "u", "new", "old")


def test_packages_of_one_table_that_exclude_each_other_are_named_and_two_tables_are_the_way_out(
    project: Project, upstream: Publish, tmp_path: Path
) -> None:
    upstream("u", [*LIBS, rpm("newest", "1", "Requires: lib >= 2")], "newest", "old")
    done = project.fail(6, "lock")
    assert "newest-1-1.x86_64 and old-1-1.x86_64 (cannot be installed together on x86_64)" in done.error
    project.run("lock", "--allow-unsolvable", "u", "--reason", "for two sorts of machines")
    project.run("sync")
    assert "newest-1-1.x86_64 and old-1-1.x86_64 (cannot be installed together" in project.run("publish").out
    assert not installs(project, tmp_path, "u", "newest", "old")
    project.sections[-1] = project.sections[-1].replace(', "old"', "")
    project.add("pin", upstream="u", packages=["old"])
    assert "u: can be installed now, so the exception was removed" in project.run("lock").out
    project.publish()
    assert installs(project, tmp_path, "u", "newest")
    assert installs(project, tmp_path, "u", "old")


def test_variants_of_two_cudas_in_one_table_are_for_two_machines(
    project: Project, upstream: Publish, tmp_path: Path
) -> None:
    rpms = [rpm(f"tool-cuda{one}", "1", f"Requires: lib = {one}", "Requires: base") for one in (11, 12)]
    upstream("u", [*rpms, rpm("lib", "11"), rpm("lib", "12"), rpm("base")], "tool-cuda11", "tool-cuda12", "base")
    told = project.run("lock").out
    assert "tool-cuda11-1-1.x86_64 and tool-cuda12-1-1.x86_64 and base-1-1.x86_64 conflict with each other" in told
    project.publish()
    assert installs(project, tmp_path, "u", "tool-cuda11", "base")
    assert installs(project, tmp_path, "u", "tool-cuda12", "base")
    assert not installs(project, tmp_path, "u", "tool-cuda11", "tool-cuda12")


def test_a_modular_package_that_no_module_lists_is_refused_as_dnf_does(
    project: Project, upstream: Publish, tmp_path: Path
) -> None:  # fmt: skip
    driver = rpm("driver", "1", "ModularityLabel: driver:latest:1:c0")
    upstream("u", [driver], "driver")
    upstream("v", [rpm("tool")], "tool")
    project.run("lock")
    project.run("sync")
    refused = project.run("publish", check=False)
    assert refused.rc == 6
    assert "driver-1-1.x86_64 (of module driver:latest:1:c0)" in refused.err
    root = DnfRoot(tmp_path / "dnf")
    root.add_repo("upstream", (tmp_path / "www" / "u").as_uri(), None)
    done = root.install("driver", check=False)
    assert done.returncode
    assert "modular" in done.stderr
    project.run("lock", "--allow-unsolvable", "u", "--reason", "for module_hotfixes=1")
    project.run("publish")

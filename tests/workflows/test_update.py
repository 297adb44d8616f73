"""``cudepot update``: what newer releases fit the pins, and the change that takes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Nvidia
from simulator.odd_index import OddIndex
from simulator.project import APT, WHEELS, Project
from simulator.python_files import tiny_wheel
from simulator.rpms import sign_rpms, simple_rpm, write_rpm
from simulator.server import Server
from simulator.site_key import SiteKey
from simulator.yum import Rhel
from tests.kinds.yum.world import add_yum

OLD, NEW, OTHER = "8.0.5.39-1+cuda11.1", "8.2.4.15-1+cuda11.4", "8.9.7.29-1+cuda12.2"


@pytest.fixture
def project(site_key: SiteKey, nvidia: Nvidia, tmp_path: Path) -> Project:
    made = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    made.add_apt(nvidia, f"libcudnn8={OLD}", f"libcudnn8-dev={OLD}  ".strip())
    made.add_wheels(nvidia, "nvidia-cudnn-cu11==8.0.5.39")
    made.run("lock")
    return made


def release(nvidia: Nvidia, *versions: str) -> None:
    folder = nvidia.folder / "newer"
    folder.mkdir()
    for version in versions:
        runtime = write_deb(simple_deb("libcudnn8", version), folder)
        develop = write_deb(simple_deb("libcudnn8-dev", version, Depends=f"libcudnn8 (= {version})"), folder)
        nvidia.repo.add(runtime, develop)
    nvidia.repo.publish()


def test_nothing_newer_is_said(project: Project) -> None:
    assert "nothing newer" in project.run("update").out


def test_what_is_newer_for_the_same_cuda_is_shown_as_a_diff_and_changes_nothing(
    project: Project, nvidia: Nvidia
) -> None:
    release(nvidia, NEW, OTHER)
    before = {path: path.read_bytes() for path in (project.toml, project.lock)}
    shown = project.run("update").out
    assert f"{APT}: libcudnn8 {OLD} -> {NEW}" in shown
    assert OTHER not in shown  # CUDA 12 is another major version
    assert f'"libcudnn8={NEW}"' in shown
    assert {path: path.read_bytes() for path in before} == before
    assert f"published {nvidia.repo.clock.date().isoformat()}" in shown
    assert "works with CUDA" in shown
    assert "Linux driver from 450" in shown
    told = project.run("update", "--json").json
    assert [(one["name"], one["newest"]) for one in told["updates"]] == [("libcudnn8", NEW), ("libcudnn8-dev", NEW)]


def test_apply_pins_and_locks(project: Project, nvidia: Nvidia) -> None:
    release(nvidia, NEW)
    project.run("update", "--apply")
    assert f"libcudnn8={NEW}" in project.toml.read_text()
    assert OLD not in project.toml.read_text()
    assert f'version = "{NEW}"' in project.lock.read_text()
    assert "nvidia-cudnn-cu11==8.0.5.39" in project.toml.read_text()
    project.run("sync")
    assert "nothing newer" in project.run("update").out


def test_pins_that_cannot_be_locked_leave_all_as_it_was(project: Project, nvidia: Nvidia) -> None:
    release(nvidia, NEW)
    before = {path: path.read_bytes() for path in (project.toml, project.lock)}
    failed = project.fail(6, "update", "--apply", "libcudnn8-dev")
    assert NEW in failed.error
    assert {path: path.read_bytes() for path in before} == before


def test_what_cannot_be_locked_keeps_back_nothing_else(project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    """One pin needs a package nobody has in that version; a release of two moves, and so does another package."""
    for name in ("app", "tool"):
        nvidia.repo.add(write_deb(simple_deb(name, "1.0"), tmp_path))
    nvidia.repo.add(write_deb(simple_deb("base", "1.0"), tmp_path))
    nvidia.repo.publish()
    project.add("pin", upstream=APT, packages=["app=1.0", "tool=1.0"])
    project.run("lock")
    nvidia.repo.add(write_deb(simple_deb("app", "3.0", Depends="base (>= 2)"), tmp_path))
    nvidia.repo.add(write_deb(simple_deb("tool", "2.0"), tmp_path))
    release(nvidia, NEW)
    done = project.fail(6, "update", "--apply")
    assert "app 3.0 (Depends: base (>= 2))" in done.error
    assert "app: 1.0 -> 3.0: cannot be locked" in done.out
    pinned = project.toml.read_text()
    assert all(one in pinned for one in (f'"libcudnn8={NEW}"', f'"libcudnn8-dev={NEW}', '"app=1.0", "tool=2.0"'))
    assert f'version = "{NEW}"' in project.lock.read_text()
    assert 'name = "tool"\nversion = "2.0"' in project.lock.read_text()
    nvidia.repo.add(write_deb(simple_deb("base", "2.0"), tmp_path))
    nvidia.repo.publish()
    project.run("update", "--apply")
    assert '"app=3.0"' in project.toml.read_text()


def test_what_needs_another_update_comes_with_it(project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    """The first half of what is tried needs a package of the second, and one update fits nowhere."""
    names = {"a": "d (= 1.0)", "b": "", "c": "", "d": ""}
    for name, needs in names.items():
        nvidia.repo.add(write_deb(simple_deb(name, "1.0", **({"Depends": needs} if needs else {})), tmp_path))
    nvidia.repo.publish()
    project.add("pin", upstream=APT, packages=[f"{name}=1.0" for name in names])
    project.run("lock")
    newer = {"a": ("2.0", "d (= 5.0)"), "b": ("3.0", ""), "c": ("4.0", "b (= 9.0)"), "d": ("5.0", "")}
    for name, (version, needs) in newer.items():
        nvidia.repo.add(write_deb(simple_deb(name, version, **({"Depends": needs} if needs else {})), tmp_path))
    nvidia.repo.publish()
    done = project.run("update", "--json", check=False)
    assert done.rc == 6
    assert {one["name"] for one in done.json["updates"]} == {"b"}, "a and d need each other, and go by other versions"
    assert [one["error"] for one in done.json["refused"]]


def test_one_package_alone_and_a_name_that_is_not_pinned(project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    nvidia.repo.add(write_deb(simple_deb("hello", "1.0"), tmp_path))
    nvidia.repo.publish()
    project.add("pin", upstream=APT, packages=["hello=1.0"])
    project.run("lock")
    nvidia.repo.add(write_deb(simple_deb("hello", "2.0"), tmp_path))
    release(nvidia, NEW)
    assert [one["name"] for one in project.run("update", "hello", "--json").json["updates"]] == ["hello"]
    assert "is not pinned" in project.fail(3, "update", "libnothing").error
    alone = project.fail(6, "update", "libcudnn8")
    assert f"libcudnn8: {OLD} -> {NEW}: cannot be locked" in alone.out
    assert "`cudepot update` without names" in alone.hint
    assert len(project.run("update", "--json").json["updates"]) == 3  # as the hint says


def test_an_upstream_that_is_down_does_not_hide_the_others(project: Project, nvidia: Nvidia) -> None:
    release(nvidia, NEW)
    text = project.toml.read_text()
    project.toml.write_text(text.replace(nvidia.simple_url, "http://127.0.0.1:9/simple/"))
    done = project.run("update", "--json", check=False)
    assert done.rc == 4
    assert [one["name"] for one in done.json["updates"]] == ["libcudnn8", "libcudnn8-dev"]
    assert [one["upstream"] for one in done.json["failed"]] == [WHEELS]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[OddIndex]:
    (tmp_path / "index").mkdir()
    with Server(tmp_path / "index") as server:
        yield OddIndex(server)


@pytest.fixture
def wheels(site_key: SiteKey, tmp_path: Path, index: OddIndex) -> Project:
    """A project with one wheel index of hand-written pages."""
    made = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    made.add("upstream", name=WHEELS, type="simple", url=index.url)
    return made


def test_a_version_that_is_no_longer_listed_is_never_exchanged_for_an_older_one(
    wheels: Project, index: OddIndex
) -> None:
    name = "nvidia_cudnn_cu12-{}-py3-none-manylinux2014_x86_64.whl"
    index.html("nvidia-cudnn-cu12", index.link(name.format("9.1.0.70"), "sha256"))
    wheels.add("pin", upstream=WHEELS, packages=["nvidia-cudnn-cu12==9.1.0.70"])
    wheels.run("lock")
    index.html("nvidia-cudnn-cu12", index.link(name.format("8.9.7.29"), "sha256"))
    before = {path: path.read_bytes() for path in (wheels.toml, wheels.lock)}
    done = wheels.run("update", "--apply")
    assert "9.1.0.70 is no longer listed; the newest there is 8.9.7.29, which is older" in done.out
    assert "->" not in done.out
    assert {path: path.read_bytes() for path in before} == before


def test_a_pinned_wheel_that_was_withdrawn_since_is_named_with_the_reason(wheels: Project, index: OddIndex) -> None:
    index.html("demo", index.link("demo-1.0-py3-none-any.whl", "sha256"))
    wheels.add("pin", upstream=WHEELS, packages=["demo==1.0"])
    wheels.run("lock")
    index.html("demo", index.link("demo-1.0-py3-none-any.whl", "sha256", data_yanked="wrong headers"))
    assert "demo: 1.0 was withdrawn (yanked): wrong headers" in wheels.run("update").out


def test_a_project_that_is_broken_hides_no_update_of_another(wheels: Project, index: OddIndex) -> None:
    index.html("demo", index.link("demo-1.0-py3-none-any.whl", "sha256"))
    index.html("nvidia-pyindex", index.link("nvidia-pyindex-1.0.9.tar.gz", "sha256", data=b"x"))
    wheels.add("pin", upstream=WHEELS, packages=["demo==1.0", "absent==1", "nvidia-pyindex"])
    wheels.run("lock", check=False)
    index.html("demo", *(index.link(f"demo-{one}-py3-none-any.whl", "sha256") for one in ("1.0", "2.0")))
    done = wheels.run("update", "--apply", check=False)
    assert done.rc == 4
    assert "absent/: HTTP 404" in done.err
    assert "demo 1.0 -> 2.0" in done.out
    assert '"demo==2.0"' in wheels.toml.read_text()
    assert "demo-2.0-py3-none-any.whl" in wheels.lock.read_text()


def test_a_hash_in_the_pin_is_left_to_whoever_gave_it(wheels: Project, index: OddIndex) -> None:
    index.html("demo", index.link("demo-1.0-py3-none-any.whl", "sha256"))
    good = hashlib.sha256(tiny_wheel("demo-1.0-py3-none-any.whl")).hexdigest()
    wheels.add("pin", upstream=WHEELS, packages=["demo==1.0"])
    wheels.sections[-1] += f'[pin.sha256]\n"demo-1.0-py3-none-any.whl" = "{good}"\n'
    wheels.write()
    wheels.run("lock")
    index.html("demo", *(index.link(f"demo-{one}-py3-none-any.whl", "sha256") for one in ("1.0", "2.0")))
    before = wheels.toml.read_bytes()
    assert "change version and hash by hand" in wheels.run("update", "--apply").out
    assert wheels.toml.read_bytes() == before


def test_nothing_is_said_of_pins_nobody_could_ask_about(project: Project, nvidia: Nvidia) -> None:
    text = project.toml.read_text()
    project.toml.write_text(text.replace(nvidia.simple_url, "http://127.0.0.1:9/simple/"))
    done = project.run("update", check=False)
    assert "nothing newer matches the pins of the upstreams that answered" in done.out
    project.toml.write_text(text.replace(nvidia.url, "http://127.0.0.1:9"))
    assert "nothing newer" not in project.run("update", check=False).out


def test_what_lies_outside_a_pin_is_named(project: Project, nvidia: Nvidia) -> None:
    text = project.toml.read_text()
    project.toml.write_text(text.replace(f"={OLD}", "=8.0.*-*+cuda11.1"))
    release(nvidia, NEW, OTHER)
    project.run("lock")
    shown = project.run("update").out
    assert f"libcudnn8: {NEW} is there, outside the pin 'libcudnn8=8.0.*-*+cuda11.1'" in shown


@pytest.mark.parametrize("spec", ["libcudnn9-cuda-12", "libcudnn9-cuda-12-9.12.0.46", "libcudnn9-cuda-12-9.12.0.46-1"])
def test_rpm_pins_are_split_as_lock_splits_them(project: Project, rhel: Rhel, spec: str, tmp_path: Path) -> None:
    def offer(version: str) -> None:
        rpms = [write_rpm(simple_rpm(f"libcudnn9-cuda-{cuda}", version), tmp_path) for cuda in ("12", "13")]
        sign_rpms(rpms, rhel.artifacts.keys, rhel.key)
        rhel.repo.add(*rpms)
        rhel.repo.publish()

    project.sections.clear()
    offer("9.12.0.46")
    add_yum(project, rhel, spec)
    project.run("lock")
    assert "nothing newer" in project.run("update").out
    offer("9.13.0.50")
    shown = project.run("update").out
    assert "libcudnn9-cuda-12 9.12.0.46-1 -> 9.13.0.50-1" in shown or "`cudepot lock` locks it" in shown
    assert "cuda-13" not in shown
    if spec != "libcudnn9-cuda-12":
        project.run("update", "--apply")
        assert f'"{spec.replace("9.12.0.46", "9.13.0.50")}"' in project.toml.read_text()
    else:
        project.run("lock")  # as it says
    assert 'version = "9.13.0.50-1"' in project.lock.read_text()


def test_one_entry_of_a_pin_says_nothing_of_anothers_cuda(project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    def offer(name: str, *versions: str) -> None:
        nvidia.repo.add(*(write_deb(simple_deb(name, one), tmp_path) for one in versions))

    offer("libcudnn9-cuda-13", "9.12.0.46-1")
    offer("libnccl2", "2.27.3-1+cuda12.9", "2.27.3-1+cuda13.0")
    nvidia.repo.publish()
    project.sections.clear()
    project.add_apt(nvidia, "libcudnn9-cuda-13", "libnccl2=*+cuda12*")
    project.run("lock")
    assert "nothing newer" in project.run("update").out
    offer("libcudnn9-cuda-13", "9.13.0.50-1")
    offer("libnccl2", "2.28.1-1+cuda13.0")
    nvidia.repo.publish()
    shown = project.run("update").out
    assert "libcudnn9-cuda-13: 9.12.0.46-1 -> 9.13.0.50-1: the pin allows it" in shown
    assert "2.28.1" not in shown

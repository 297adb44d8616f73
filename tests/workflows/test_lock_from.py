"""``cudepot lock --from``: pins out of what a machine or environment has installed."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.nvidia import Nvidia
from simulator.process import run
from simulator.project import APT, WHEELS, Project
from simulator.site_key import SiteKey
from simulator.yum import Rhel

from cudepot.catalog.config.environment import Carrier, Wanted, choices, read_environment, settle
from cudepot.catalog.config.listings import Installed, decode_listing, read_listing
from cudepot.errors import PinError

DPKG = """\
Desired=Unknown/Install/Remove/Purge/Hold
||/ Name            Version                Architecture Description
+++-===============-======================-============-=================================
ii  libc6:amd64     2.31-0ubuntu9          amd64        GNU C Library
ii  libcudnn8       8.0.5.39-1+cuda11.1    amd64        cuDNN runtime libraries
hi  libcudnn8-dev   8.0.5.39-1+cuda11.1    amd64        cuDNN development libraries and headers
rc  libcudnn7       7.6.5.32-1+cuda10.2    amd64        cuDNN runtime libraries
"""
RPM = "glibc-2.28-151.el8.x86_64\nlibcudnn8-8.0.5.39-1.cuda11.1.x86_64\ncuda-drivers-455.45.01-1.x86_64\n"
PIP = "numpy==1.26.4\nnvidia-cudnn-cu11==8.0.5.39+acme.1\nnvidia_cublas_cu11==11.10.3.66 ; sys_platform == 'linux'\n"
CONDA = """\
name: dl
channels:
  - conda-forge
dependencies:
  - _libgcc_mutex=0.1=conda_forge
  - cuda-version=11.1=hdbd7af8_3
  - cudnn=8.0.5.39=h01f27c4_1
  - pip:
    - nvidia-cudnn-cu11==8.0.5.39
"""
WHERE = (Carrier("ubuntu2004/x86_64", ("deb",)), Carrier("rhel8/x86_64", ("rpm",)), Carrier("pypi", ("wheel",)))


def names(text: str) -> list[str]:
    return [f"{one.kind} {one.name} {one.version}" for one in read_environment(text)]


def test_each_listing_is_read() -> None:
    assert names(DPKG) == ["deb libcudnn8 8.0.5.39-1+cuda11.1", "deb libcudnn8-dev 8.0.5.39-1+cuda11.1"]
    assert names(RPM) == ["rpm libcudnn8 8.0.5.39-1.cuda11.1", "rpm cuda-drivers 455.45.01-1"]
    assert names(PIP) == ["wheel nvidia-cudnn-cu11 8.0.5.39+acme.1", "wheel nvidia-cublas-cu11 11.10.3.66"]
    assert names(CONDA) == ["conda cuda-version 11.1", "conda cudnn 8.0.5.39", "wheel nvidia-cudnn-cu11 8.0.5.39"]


def test_this_machine_and_this_interpreter_are_read() -> None:
    assert read_environment(run("dpkg", "-l").stdout) == []
    assert read_environment(run(sys.executable, "-m", "pip", "freeze").stdout) == []


def wanted(installed: list[Installed], upstreams: tuple[Carrier, ...], *chosen: str, closed: bool = False) -> Wanted:
    """What would be pinned if every upstream had everything."""
    return settle(choices(installed, upstreams, chosen, closed=closed), (), {})


def test_pins_name_packages_as_each_upstream_does() -> None:
    pins = wanted(read_environment(DPKG + RPM + PIP), WHERE).pins
    assert {pin.upstream: pin.packages for pin in pins} == {
        "ubuntu2004/x86_64": ("libcudnn8=8.0.5.39-1+cuda11.1", "libcudnn8-dev=8.0.5.39-1+cuda11.1"),
        "rhel8/x86_64": ("libcudnn8-8.0.5.39-1.cuda11.1", "cuda-drivers-455.45.01-1"),
        "pypi": ("nvidia-cudnn-cu11==8.0.5.39", "nvidia-cublas-cu11==11.10.3.66"),
    }


def conda(name: str, version: str, build: str = "") -> Installed:
    return Installed("conda", name, version, build=build)


@pytest.mark.parametrize(
    ("installed", "specs"),
    [
        (
            [conda("cudnn", "8.0.5.39"), conda("cuda-version", "11.1")],
            ("libcudnn8=8.0.5.39-*", "libcudnn8-dev=8.0.5.39-*"),
        ),
        (
            [conda("cudnn", "9.1.1.17"), conda("cuda-version", "12.4")],
            ("libcudnn9-cuda-12=9.1.1.17-*", "libcudnn9-dev-cuda-12=9.1.1.17-*"),
        ),
        (
            [conda("libcudnn", "9.14.0.64"), conda("libcudnn-dev", "9.14.0.64"), conda("cuda-version", "13.0")],
            tuple(f"libcudnn9{part}-cuda-13=9.14.0.64-*" for part in ("", "-dev", "-headers")),
        ),
        ([conda("cudnn", "8.2.1", "cuda11.3_0")], ("libcudnn8=8.2.1.*-*", "libcudnn8-dev=8.2.1.*-*")),
    ],
    ids=["8", "9", "9.14 and its parts", "three parts, CUDA in the build string"],
)  # fmt: skip
def test_a_conda_package_is_built_from_debs(installed: list[Installed], specs: tuple[str, ...]) -> None:
    (pin,) = wanted(installed, WHERE[:1]).pins
    assert (pin.packages, pin.outputs, pin.recipe) == (specs, ("conda",), "cudnn")


def test_a_conda_package_is_built_from_a_wheel_where_there_is_an_index() -> None:
    wheel, other = wanted(read_environment(CONDA), WHERE).pins
    assert (wheel.packages, wheel.outputs, wheel.cuda) == (("nvidia-cudnn-cu11==8.0.5.39",), ("conda",), "11.1")
    assert other.outputs == ("mirror",)


def test_a_closed_channel_takes_cudas_libraries_as_well() -> None:
    installed = [conda("libcublas", "12.4.5.8"), conda("cuda-nvrtc", "12.4.127"), conda("cuda-version", "12.4")]
    pins = wanted(installed, WHERE, closed=True).pins
    assert {(pin.recipe, *pin.packages) for pin in pins} == {
        ("libcublas", "nvidia-cublas-cu12==12.4.5.8"),
        ("cuda-nvrtc", "nvidia-cuda-nvrtc-cu12==12.4.127"),
    }
    reasons = [why for _, why in wanted(installed, WHERE).left]
    assert ["conda-forge" in one for one in reasons] == [True, True, False], reasons


def test_what_no_pin_can_stand_for_is_said() -> None:
    found = wanted(read_environment(DPKG + CONDA), WHERE[2:])
    reasons = {one.name: why for one, why in found.left}
    assert reasons["libcudnn8"] == reasons["libcudnn8-dev"] == "no upstream has Debian packages"
    assert "it contains no files" in reasons["cuda-version"]
    (alone,) = wanted([conda("cudnn", "8.2.1.32")], WHERE).left
    assert "does not say for which CUDA: add its `cuda-version`" in alone[1]


@pytest.mark.parametrize(
    "name", ["cudnn-local-repo-ubuntu2204-8.9.7.29", "cuda-repo-ubuntu2004-11-1-local", "cuda-keyring"]
)
def test_what_only_sets_up_a_repository_is_no_pin(name: str) -> None:
    found = wanted([Installed("deb", name, "1.0-1", "amd64")], WHERE)
    assert not found.pins
    assert "only sets up a repository" in found.left[0][1]


def test_a_whole_mirror_needs_no_pin() -> None:
    found = wanted(read_environment(DPKG), (Carrier("ubuntu2004/x86_64", ("deb",), whole=True),))
    assert ([one.name for one in found.present], found.pins, found.left) == (["libcudnn8", "libcudnn8-dev"], (), ())


def test_several_upstreams_have_to_be_told_apart() -> None:
    two = (*WHERE, Carrier("ubuntu2204/x86_64", ("deb",)))
    with pytest.raises(PinError, match="may come from ubuntu2004/x86_64, ubuntu2204/x86_64"):
        wanted(read_environment(DPKG), two)
    (pin,) = wanted(read_environment(DPKG), two, "ubuntu2204/x86_64").pins
    assert pin.upstream == "ubuntu2204/x86_64"


def test_an_installer_is_asked_for_what_it_holds_and_after_the_repositories() -> None:
    debs, rpms = Carrier("debs", ("deb",), lasting=False), Carrier("rpms", ("rpm",), lasting=False)
    pins = wanted(read_environment(DPKG + RPM), (rpms, debs)).pins
    assert {pin.upstream: pin.packages[0] for pin in pins} == {
        "debs": "libcudnn8=8.0.5.39-1+cuda11.1", "rpms": "libcudnn8-8.0.5.39-1.cuda11.1",
    }  # fmt: skip
    assert {pin.upstream for pin in wanted(read_environment(DPKG + RPM), (rpms, debs, *WHERE)).pins} == {
        one.upstream for one in WHERE[:2]
    }


def test_an_upstream_that_lacks_a_package_is_out_of_the_question() -> None:
    two = (*WHERE, Carrier("ubuntu2204/x86_64", ("deb",)))
    asked = choices(read_environment(DPKG), two)
    lacking = {("ubuntu2204/x86_64", spec) for one in asked for spec in one.places[0].specs}
    (pin,) = settle(asked, lacking, {}).pins
    assert pin.upstream == "ubuntu2004/x86_64"
    wheel_lacks = settle(choices(read_environment(CONDA), WHERE), {("pypi", "nvidia-cudnn-cu11==8.0.5.39")}, {})
    assert [(pin.upstream, pin.recipe) for pin in wheel_lacks.pins] == [("ubuntu2004/x86_64", "cudnn")]


SHA = "a" * 64
CONDA_LIST = "# packages in environment at /opt/conda:\n#\n# Name   Version   Build  Channel\n"
WHEEL = "nvidia_cudnn_cu12-9.1.0.70-py3-none-manylinux2014_x86_64.whl"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Package           Version\n------- --------\nnvidia-cudnn-cu12 9.1.0.70\nnumpy  1.26.4\n", "wheel 9.1.0.70"),
        (f"{CONDA_LIST}cudnn  8.9.7.29  hbc23b4c_3  conda-forge\nnumpy  1.26  pypi_0  pypi\n", "conda 8.9.7.29"),
        (f"{CONDA_LIST}nvidia-cudnn-cu12     9.1.0.70     pypi_0    pypi\n", "wheel 9.1.0.70"),
        ("@EXPLICIT\nhttps://c.example/conda-forge/linux-64/cudnn-8.9.7.29-hbc23b4c_3.conda#0123\n", "conda 8.9.7.29"),
        ("@EXPLICIT\nhttps://c.example/main/linux-64/cudnn-8.2.1-cuda11.3_0.tar.bz2\n", "conda 8.2.1"),
        ("Listing... Done\nlibcudnn8/unknown,now 8.0.5.39-1+cuda11.1 amd64 [installed]\n", "deb 8.0.5.39-1+cuda11.1"),
        ("libcudnn8\t8.0.5.39-1+cuda11.1\nlibc6:amd64\t2.31-0\n", "deb 8.0.5.39-1+cuda11.1"),
        ("Installed Packages\nlibcudnn8.x86_64    8.0.5.39-1.cuda11.1    @cuda\n", "rpm 8.0.5.39-1.cuda11.1"),
        ("libcudnn8-0:8.0.5.39-1.cuda11.1.x86_64\n", "rpm 8.0.5.39-1.cuda11.1"),
        ("[pip3] nvidia-cudnn-cu12==9.1.0.70\n[pip3] torch==2.4.0\n", "wheel 9.1.0.70"),
        ("[conda] cudnn                     8.9.2.26               cuda11_0  \n", "conda 8.9.2.26"),
        ('[{"name": "nvidia-cudnn-cu12", "version": "9.1.0.70"}]', "wheel 9.1.0.70"),
        (
            '[{"name": "cudnn", "version": "8.9.7.29", "build_string": "h_3", "channel": "conda-forge"}]',
            "conda 8.9.7.29",
        ),
        ("nvidia-cudnn-cu12==9.1.0.70 \\\n    --hash=sha256:00\n", "wheel 9.1.0.70"),
        (f"nvidia-cudnn-cu12 @ file:///srv/{WHEEL}#sha256={SHA}\n", "wheel 9.1.0.70"),
        (f"nvidia-cudnn-cu12 @ https://files.example/{WHEEL}\n", "wheel 9.1.0.70"),
        ("Package  Version  Build  Size  Kind\ncudnn  9.1.1.17  h1_0  300 MiB  conda\n", "conda 9.1.1.17"),
    ],
)  # fmt: skip
def test_common_listings_are_read(text: str, found: str) -> None:
    (one,) = read_environment(text)
    assert f"{one.kind} {one.version}" == found


def test_a_hash_that_a_listing_has_is_kept() -> None:
    (pin,) = wanted(read_environment(f"nvidia-cudnn-cu12 @ file:///srv/{WHEEL}#sha256={SHA}\n"), WHERE).pins
    assert (pin.packages, dict(pin.sha256)) == (("nvidia-cudnn-cu12==9.1.0.70",), {WHEEL: SHA})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nvidia-cudnn-cu12 @ git+https://git.example/cudnn.git", "not a wheel"),
        ("nvidia-cudnn-cu12 @ file:///srv/nvidia_cudnn_cu12-9.1.0.70.tar.gz", "not a wheel"),
        ("nvidia-cudnn-cu12>=9", "names no exact version"),
    ],
)
def test_a_line_without_a_version_is_left_out_with_the_reason(line: str, reason: str) -> None:
    ((one, why),) = wanted(read_environment(f"{line}\n"), WHERE).left
    assert (one.name, reason in why) == ("nvidia-cudnn-cu12", True), why


def test_powershells_redirection_is_read() -> None:
    text = "nvidia-cudnn-cu12==9.1.0.70\r\nnumpy==1.26.4\r\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le"):
        assert [one.version for one in read_listing(decode_listing(text.encode(encoding)))] == ["9.1.0.70", "1.26.4"]


def test_pips_own_listings_are_read() -> None:
    """Each form pip prints of this interpreter names the same packages."""
    asked = [("freeze", "--all"), ("list",), ("list", "--format=json")]
    found = [{one.name for one in read_listing(run(sys.executable, "-m", "pip", *one).stdout)} for one in asked]
    assert {"pip", "requests"} <= found[0]
    assert found[0] - {"cudepot"} == found[1] - {"cudepot"} == found[2] - {"cudepot"}


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    assert all(one.name and one.version for one in read_environment(text))


@pytest.fixture
def project(site_key: SiteKey, nvidia: Nvidia, tmp_path: Path) -> Project:
    made = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    keyrings = [str(nvidia.key_file)]
    made.add("upstream", name=APT, type="apt", url=nvidia.apt_url, keys=[nvidia.key.fingerprint], keyrings=keyrings)
    made.add("upstream", name=WHEELS, type="simple", url=nvidia.simple_url)
    return made


def test_the_lock_holds_what_was_installed(project: Project, tmp_path: Path) -> None:
    listing = tmp_path / "installed.txt"
    listing.write_text(DPKG)
    shown = project.run("lock", "--from", str(listing), "--dry-run")
    assert "libcudnn8=8.0.5.39-1+cuda11.1" in shown.out
    assert not project.lock.exists()
    done = project.run("lock", "--from", str(listing))
    assert "# from installed.txt" in done.err
    assert "+ libcudnn8 8.0.5.39-1+cuda11.1 amd64" in done.out
    again = project.run("lock", "--from", str(listing))
    assert "nothing to add" in again.err
    assert project.toml.read_text().count("# from installed.txt") == 1


@pytest.mark.parametrize(
    ("listing", "locked"),
    [
        ("nvidia-cudnn-cu11==8.0.5.39\nnumpy==1.26.4\n", ["wheel nvidia-cudnn-cu11 8.0.5.39 mirror"]),
        (CONDA, ["wheel nvidia-cudnn-cu11 8.0.5.39 conda"]),
        (
            "glibc-2.28-151.el8.x86_64\nlibcudnn8-8.0.5.39-1.cuda11.1.x86_64\n",
            ["rpm libcudnn8 8.0.5.39-1.cuda11.1 mirror"],
        ),
    ],
    ids=["pip freeze", "conda env export", "rpm -qa"],
)
def test_each_kind_of_listing_is_locked(
    project: Project, rhel: Rhel, tmp_path: Path, listing: str, locked: list[str]
) -> None:
    project.add(
        "upstream", name="rhel8/x86_64", type="yum", url=rhel.url, keys=[rhel.key.fingerprint],
        keyrings=[str(rhel.key_file)], rpm_keys=[rhel.key.fingerprint],
    )  # fmt: skip
    path = tmp_path / "installed.txt"
    path.write_text(listing)
    project.run("lock", "--from", str(path))
    artifacts = tomllib.loads(project.lock.read_text())["artifact"]
    found = [f"{one['kind']} {one['name']} {one['version']} {' '.join(one['outputs'])}" for one in artifacts]
    assert set(locked) <= set(found), found


def test_what_the_upstream_lacks_is_left_out_and_named(project: Project, tmp_path: Path) -> None:
    ubuntus = "ii  nvidia-prime  0.8.17  all  switch\nii  nvidia-compute-utils-535  535.1-0ubuntu1  amd64  utilities\n"
    local = "ii  cudnn-local-repo-ubuntu2004-8.0.5.39  1.0-1  amd64  cuDNN\n"
    (tmp_path / "installed.txt").write_text(DPKG + ubuntus + local)
    done = project.run("lock", "--from", str(tmp_path / "installed.txt"))
    assert "skipped: nvidia-prime 0.8.17: ubuntu2004/x86_64 has no such version" in done.err
    assert "skipped: nvidia-compute-utils-535 535.1-0ubuntu1" in done.err
    assert "skipped: cudnn-local-repo-ubuntu2004-8.0.5.39 1.0-1: it only sets up a repository" in done.err
    assert "+ libcudnn8 8.0.5.39-1+cuda11.1 amd64" in done.out
    (pin,) = tomllib.loads(project.toml.read_text())["pin"]
    assert pin["packages"] == ["libcudnn8=8.0.5.39-1+cuda11.1", "libcudnn8-dev=8.0.5.39-1+cuda11.1"]


def test_a_listing_of_a_narrow_terminal_is_not_pinned_as_it_is(project: Project, tmp_path: Path) -> None:
    narrow = (
        "||/ Name           Version      Architecture Description\n"
        "+++-==============-============-============-=================================\n"
        "ii  libcudnn8      8.0.5.39-1+c amd64        cuDNN runtime libraries\n"
    )
    (tmp_path / "narrow.txt").write_text(narrow)
    before = project.toml.read_bytes()
    failed = project.fail(6, "lock", "--from", str(tmp_path / "narrow.txt"))
    assert "may be truncated at the width of the terminal: use `dpkg-query -W`" in failed.error
    assert project.toml.read_bytes() == before


def test_nothing_is_written_of_an_upstream_that_cannot_be_locked(
    project: Project, nvidia: Nvidia, tmp_path: Path
) -> None:
    (tmp_path / "installed.txt").write_text(DPKG + "nvidia-cudnn-cu11==8.0.5.39\n")
    project.toml.write_text(project.toml.read_text().replace(nvidia.apt_url, f"{nvidia.apt_url}gone/"))
    done = project.run("lock", "--from", str(tmp_path / "installed.txt"))
    assert "+ nvidia-cudnn-cu11 8.0.5.39" in done.out
    assert "skipped: libcudnn8 8.0.5.39-1+cuda11.1: ubuntu2004/x86_64:" in done.err
    assert [one["upstream"] for one in tomllib.loads(project.toml.read_text())["pin"]] == [WHEELS]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("numpy==1.26.4\nrequests==2.32\n", "lists 2 packages, none of them NVIDIA's", "environment active"),
        ("", "is empty", "give the output of dpkg -l"),
        ("| NVIDIA-SMI 550.54   Driver Version: 550.54 |\n", "not a package listing", "it looks like nvidia-smi"),
        ("libcudnn8\t\t\tinstall\nlibc6\t\tinstall\n", "not a package listing", "dpkg --get-selections"),
        ("[[package]]\nname = 'x'\n", "not a package listing", "a lock file of uv"),
    ],
)
def test_a_listing_without_nvidia_is_an_error(
    project: Project, tmp_path: Path, text: str, message: str, hint: str
) -> None:
    (tmp_path / "listing").write_text(text)
    before = project.toml.read_bytes()
    failed = project.fail(6, "lock", "--from", str(tmp_path / "listing"))
    assert message in failed.error
    assert hint in failed.err
    assert project.toml.read_bytes() == before


def test_a_listing_that_is_not_there_is_an_error(project: Project, tmp_path: Path) -> None:
    assert "No such file" in project.fail(3, "lock", "--from", str(tmp_path / "none")).error

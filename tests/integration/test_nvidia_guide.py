"""NVIDIA's guide, followed: the lines docs/nvidia-guide.md has for each section, on throwaway machines and four sites.

``dnf`` stands for RHEL 7's yum as well, which no Debian has: what yum alone would refuse is looked for in what it is
given. Ubuntu 16.04's apt is this machine's, with the gpgv of its time (1.4) to check signatures.
"""

from __future__ import annotations

import configparser
import contextlib
import json
import platform
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import requests
from simulator.keys import Key, KeyHome
from simulator.nvidia import Artifacts
from simulator.process import ToolError
from simulator.rpms import simple_rpm, write_rpm
from simulator.s3 import S3Server
from simulator.yum import RhelArtifacts
from tests.clients.machine import Machine, why_not
from tests.guide.sections import ON_PAGE, SECTIONS, SITE, Run, Section
from tests.guide.shelf import Shelf
from tests.guide.sites import Followed, Makers, made_of

_WHY_NOT = why_not() or ("" if platform.machine() == "x86_64" else "packages for x86_64 get installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("guide"),
    pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT),
]
Sites = Mapping[str, Followed]
# A bucket shows what a folder shows: its cases are left to `scripts/test --all`.
CASES = [
    pytest.param(
        section,
        run,
        site,
        id=" ".join(filter(None, (section.title, run.variables.get("OS"), "on", site))),
        marks=[] if site == "pinned folder" else [pytest.mark.lengthy],
    )
    for section in SECTIONS.values()
    for run in section.runs
    for site in run.on
]
_HOLD, _ADD_LOCK, _ADD_ZYPPER_LOCK = ON_PAGE["Stay on a build"]


@pytest.fixture(scope="module")
def sites(
    nvidia_artifacts: Artifacts,
    rhel_artifacts: RhelArtifacts,
    site_key_master: tuple[KeyHome, Key],
    s3_server: Callable[[str], S3Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Sites]:
    folder = tmp_path_factory.mktemp("guide")
    shelf = Shelf(folder / "shelf", nvidia_artifacts, rhel_artifacts)
    with contextlib.ExitStack() as stack:
        yield dict(made_of(Makers(folder, shelf, site_key_master, stack), s3_server("moto")))


@pytest.fixture(scope="module")
def libc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An rpm that provides what every RHEL has."""
    return write_rpm(
        simple_rpm("system-release", "8", "1", "noarch", "Provides: libc.so.6()(64bit)"), tmp_path_factory.mktemp("el")
    )


@pytest.fixture(scope="module")
def zypper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The debs of zypper, which excludes a part of dnf and so is not on machines that run the tests."""
    folder = tmp_path_factory.mktemp("zypper")
    with Machine(folder) as one:
        try:
            for deb in one.fetch("zypper"):
                shutil.copy(deb, folder)
        except ToolError as error:
            pytest.skip(f"zypper cannot be had: {error}")
    return folder


@pytest.fixture
def machine(tmp_path: Path, libc: Path) -> Iterator[Machine]:
    with Machine(tmp_path) as one:
        one.run("mkdir -p /usr/local/cuda/include /usr/local/cuda/lib64 /etc/pki/rpm-gpg")
        one.run(f"rpm -i --nosignature {libc}")
        yield one


def of_its_time(machine: Machine) -> None:
    """Let apt check signatures by the gpgv that Ubuntu 16.04 had: 1.4, which reads binary keyrings and RSA only."""
    machine.write("/etc/apt/apt.conf.d/98old", 'APT::Key::GpgvCommand "/usr/bin/gpgv1";\n')


def typed(block: str, site: Followed) -> str:
    """Return lines of the page for a site of the tests, which has no TLS."""
    return block.replace(SITE, site.url).replace("deb https://", "deb http://").replace("] https://", "] http://")


def follow(section: Section, run: Run, site: Followed, machine: Machine) -> str:
    """Type a section's lines, those of earlier ones first, but for blocks that want a version; return what was said."""
    said = ""
    for one in (*map(SECTIONS.__getitem__, section.first), section):
        needs_version = one.versions and not run.variables.keys() >= one.versions[0].keys()
        for block in one.blocks[:-1] if needs_version else one.blocks:
            said = machine.run(typed(block, site), **run.variables).stdout
    return said


def with_zypper(machine: Machine, debs: Path) -> None:
    """Install zypper, which shall not ask."""
    machine.run(f"apt-get install {debs}/*.deb")
    machine.command("zypper", 'exec /usr/bin/zypper --gpg-auto-import-keys --non-interactive "$@"')


def check(section: Section, variables: Mapping[str, str], machine: Machine) -> None:
    """Hold a machine against what must be true after a section."""
    for kind, found in (("debs", machine.debs), ("rpms", machine.rpms)):
        if wanted := section.expected(kind, variables):
            installed = found()
            assert {name: installed.get(name) for name in wanted} == wanted
    for name in section.after.files:
        machine.run(f"test -e {name}")


def stays(section: Section, machine: Machine) -> None:
    """Hold the packages as the page says, and upgrade: nothing changes."""
    by_dpkg, packages = bool(section.after.debs), " ".join(section.upgrade)
    before = machine.debs(), machine.rpms()
    if section.client == "zypper":
        hold, upgrade, let_go = _ADD_ZYPPER_LOCK, "zypper update -y", "zypper removelock ${packages}"
    elif by_dpkg:
        hold, upgrade, let_go = _HOLD, "apt-get update; apt-get upgrade", "apt-mark unhold ${packages}"
    else:
        hold, upgrade, let_go = _ADD_LOCK, "dnf --refresh upgrade", "dnf versionlock clear"
    machine.run(hold, packages=packages)
    machine.run(upgrade)
    machine.run(let_go, packages=packages)
    assert (machine.debs(), machine.rpms()) == before


@pytest.mark.parametrize(("section", "run", "on"), CASES)
def test_a_section(
    section: Section, run: Run, on: str, sites: Sites, machine: Machine, request: pytest.FixtureRequest
) -> None:
    site = sites[on]
    if run.variables.get("OS") == "ubuntu1604":
        of_its_time(machine)
    if section.client == "zypper":
        with_zypper(machine, request.getfixturevalue("zypper"))
    said = follow(section, run, site, machine)
    versions = section.versions if "folder" in on else section.versions[-1:]
    for one in versions or ({},):
        variables = {**run.variables, **one}
        if section.versions and not _is_built(variables):
            continue
        if one:
            said = machine.run(typed(section.blocks[-1], site), **variables).stdout
        check(section, variables, machine)
        if section.upgrade:
            stays(section, machine)
        if one:
            machine.run(f"{'apt-get purge' if section.after.debs else 'dnf remove'} {' '.join(section.upgrade)}")
    assert section.after.says in said
    assert site.upstream.requests == [], "NVIDIA was not asked"


def _is_built(variables: Mapping[str, str]) -> bool:
    """Return whether NVIDIA has built a version for a distribution: for Ubuntu 20.04 none of CUDA 10."""
    return variables["OS"] != "ubuntu2004" or "cuda10" not in variables["cuda_version"]


def test_ubuntu_1604_takes_the_files_for_its_cuda_and_stays(sites: Sites, machine: Machine) -> None:
    """What the site has below ``clients/`` for a machine with CUDA 10.2, read by the gpgv of its time."""
    site, at = sites["pinned folder"], "clients/ubuntu1604-x86_64-cuda10.2/"
    tree = json.loads((site.project.site / "snapshot.json").read_text())["tree"]
    for path in (one for one in tree if one.startswith(at)):
        machine.write(f"/{path.removeprefix(at)}", (site.project.site / path).read_bytes())
    of_its_time(machine)
    machine.run("apt-get update; apt-get install libcudnn8 libcudnn8-dev")
    wanted = dict.fromkeys(("libcudnn8", "libcudnn8-dev"), "8.0.5.39-1+cuda10.2")
    assert machine.debs() == wanted
    machine.run("apt-get update; apt-get dist-upgrade")
    assert machine.debs() == wanted
    key = machine.run("grep -h ^Signed-By: /etc/apt/sources.list.d/*").stdout.split()[1]
    assert machine.path(key).read_bytes()[0] & 0x80, "a packet, not text: apt reads text since 1.4"


@pytest.mark.parametrize("on", ["whole folder", "pinned folder"])
def test_what_rhel_7_is_given_can_be_read_by_yum_3(on: str, sites: Sites) -> None:
    """By its documentation: keys by address, one to an armor; metadata in gz, bz2 or xz; no sqlite is needed."""
    url = f"{sites[on].url}/compute/cuda/repos/rhel7/x86_64"
    repo = configparser.ConfigParser(interpolation=None)
    repo.read_string(requests.get(f"{url}/cuda-rhel7.repo", timeout=30).text)
    (section,) = (repo[name] for name in repo.sections())
    assert section["baseurl"].rstrip("/") == url
    assert section["gpgcheck"] == "1"
    for address in section["gpgkey"].split():
        key = requests.get(address, timeout=30).text
        armors = re.findall(r"-----BEGIN PGP PUBLIC KEY BLOCK-----.+?-----END", key, re.DOTALL)
        assert [one.count("-----BEGIN") for one in armors] == [1] * len(armors) != []
    repomd = requests.get(f"{url}/repodata/repomd.xml", timeout=30).text
    named = re.findall(r'href="(repodata/[^"]+)"', repomd)
    assert {"primary", "filelists"} <= set(re.findall(r'<data type="(\w+)"', repomd))
    assert named
    assert all(one.endswith((".gz", ".bz2", ".xz")) for one in named), named

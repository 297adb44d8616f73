"""Clients of a site that holds cuDNN for several CUDAs: they hold one, and real upgrades leave a machine as it is."""

from __future__ import annotations

import platform
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulator.cudnn import CudnnRelease
from simulator.nvidia import VERSION, Artifacts, Nvidia
from simulator.project import APT, Project
from simulator.site_key import SiteKey
from simulator.yum import Rhel, RhelArtifacts
from tests.clients import http
from tests.clients.apt import AptRoot
from tests.integration.test_client_apt import configured as configured_apt
from tests.integration.test_client_folders import configured as configured_dnf
from tests.integration.test_client_folders import in_folder
from tests.kinds.yum.world import NAME as RHEL
from tests.kinds.yum.world import add_yum

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="packages for x86_64 get installed"),
]
CUDAS = ("10.1", "10.2", "11.0", "11.1")
DEBS = {cuda: f"{VERSION}-1+cuda{cuda}" for cuda in CUDAS}
RPMS = {cuda: f"{VERSION}-1.cuda{cuda}" for cuda in ("10.2", "11.1")}
YUM = "rhel8/x86_64"
URL = "https://packages.example/"


@pytest.fixture(scope="module")
def project(
    site_key_master: Any,
    nvidia_artifacts: Artifacts,
    rhel_artifacts: RhelArtifacts,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Project]:
    """NVIDIA's four variants of one cuDNN as debs, two of them as rpms, published."""
    home, key = site_key_master
    base = tmp_path_factory.mktemp("variants")
    with Nvidia(nvidia_artifacts, base / "nvidia") as nvidia, Rhel(rhel_artifacts, base / "rhel") as rhel:
        for cuda in ("10.1", "11.0"):
            nvidia.repo.add(*nvidia_artifacts.build(CudnnRelease(VERSION, cuda)).debs)
        nvidia.repo.publish()
        made = Project(base / "project", key=key.fingerprint, gnupg=home.path).init()
        made.add_apt(nvidia, *(f"{name}={DEBS[cuda]}" for cuda in CUDAS for name in ("libcudnn8", "libcudnn8-dev")))
        keys = {"keys": [rhel.key.fingerprint], "rpm-keys": [rhel.key.fingerprint], "keyrings": [str(rhel.key_file)]}
        made.add("upstream", name=YUM, type="yum", url=rhel.url, **keys)
        made.add("pin", upstream=YUM, packages=[f"libcudnn8-devel-{evr}" for evr in RPMS.values()])
        for verb in ("lock", "sync", "publish"):
            made.run(verb)
        yield made


@pytest.fixture(scope="module")
def site(project: Project) -> Iterator[http.Site]:
    with http.serve(project.base / "site") as one:
        yield one


def held(project: Project, kind: str, upstream: str, *options: str, folder: str) -> set[str]:
    """Return the versions that the files of a client name."""
    done = project.run("client", kind, upstream, "--url", URL, "--output", folder, "--json", *options).json
    texts = [
        Path(done["folder"], name).read_text() for name in done["files"] if "locked" in name or "lock.list" in name
    ]
    return set(re.findall(r"8\.0\.5\.39-1[+.]cuda\d+\.\d", "".join(texts)))


@pytest.mark.parametrize("options", [("--cuda", "10.2"), ("--only", f"libcudnn8-dev={DEBS['10.2']}")])
def test_apt_upgrades_leave_the_chosen_one(
    project: Project, site: http.Site, options: tuple[str, ...], tmp_path: Path
) -> None:
    root = AptRoot(tmp_path / "root")
    configured_apt(project, site, root, *options)
    root.update()
    root.install("libcudnn8-dev")
    for verb in ("upgrade", "dist-upgrade"):
        done = root.apt_get(verb, "-y")
        assert "0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded" in done.stdout
    assert (root.version("libcudnn8"), root.version("libcudnn8-dev")) == (DEBS["10.2"],) * 2


def test_apt_goes_to_the_newest_of_several_and_the_warning_says_how_not_to(
    project: Project, site: http.Site, tmp_path: Path
) -> None:
    """Without a choice; what the warning says, taken at its word, holds one version of each package."""
    told = project.run("client", "apt", APT, "--url", URL).err
    assert f"libcudnn8 is held in 4 versions ({', '.join(DEBS.values())})" in told
    root = AptRoot(tmp_path / "root")
    configured_apt(project, site, root)
    root.update()
    root.install(f"libcudnn8={DEBS['10.2']}")
    root.apt_get("upgrade", "-y")
    assert root.version("libcudnn8") == DEBS["11.1"]
    for words in ("--cuda 10.1", f"--only libcudnn8={DEBS['10.1']}"):
        assert words.split()[-1] in told
        assert words.split()[0] in told
        assert held(project, "apt", APT, *shlex.split(words), folder=str(tmp_path / "c")) == {DEBS["10.1"]}


@pytest.mark.parametrize("hold", ["versionlock", "excludes"])
def test_dnf_upgrades_leave_the_chosen_one(project: Project, site: http.Site, hold: str, tmp_path: Path) -> None:
    argv = ("--url", f"{site.url}/current", "--output", str(tmp_path / "clients"), "--hold", hold, "--cuda", "10.2")
    done = project.run("client", "dnf", YUM, *argv, "--json").json
    root = configured_dnf(in_folder(Path(done["folder"])), tmp_path / "root")
    if hold == "excludes":
        with (root.path / "dnf.conf").open("a") as out:
            out.write((root.path / "etc/dnf/acme-excludes.conf").read_text())
    else:
        root.lock_versions()
    root.install("libcudnn8-devel")
    assert "Nothing to do" in root.dnf("upgrade").stdout
    assert {root.installed()[name] for name in ("libcudnn8", "libcudnn8-devel")} == {RPMS["10.2"]}
    assert done["install"] == f"dnf install libcudnn8-{RPMS['10.2']} libcudnn8-devel-{RPMS['10.2']}"
    assert done["several"] == {}


def test_dnf_is_warned_likewise(project: Project, tmp_path: Path) -> None:
    done = project.run("client", "dnf", YUM, "--url", URL, "--output", str(tmp_path / "c"), "--json")
    assert "libcudnn8-devel is held in 2 versions" in done.err
    assert done.json["several"] == {name: list(RPMS.values()) for name in ("libcudnn8", "libcudnn8-devel")}
    chosen = held(project, "dnf", YUM, "--only", f"libcudnn8={RPMS['11.1']}", folder=str(tmp_path / "c"))
    assert chosen == {RPMS["11.1"]}


def test_the_site_has_a_folder_for_each_variant(project: Project, site: http.Site, tmp_path: Path) -> None:
    head = project.toml.read_text()
    project.toml.write_text(head.replace('label = "acme"', f'label = "acme"\nurl = "{site.url}/current"', 1))
    told = project.run("publish").err
    assert "clients/ubuntu2004-x86_64/: libcudnn8 is held in 4 versions" in told
    names = sorted(one.name for one in (project.site / "clients").iterdir() if "-" in one.name)
    assert names == [
        *("rhel8-x86_64", "rhel8-x86_64-cuda10.2", "rhel8-x86_64-cuda11.1"),
        *("ubuntu2004-x86_64", *(f"ubuntu2004-x86_64-cuda{cuda}" for cuda in CUDAS)),
    ]
    root = configured_dnf(in_folder(project.site / "clients/rhel8-x86_64-cuda10.2"), tmp_path / "root")
    root.lock_versions()
    root.install("libcudnn8")
    root.dnf("upgrade")
    assert root.installed()["libcudnn8"] == RPMS["10.2"]
    text = (project.site / "clients/ubuntu2004-x86_64-cuda10.2/etc/apt/preferences.d/acme-locked.pref").read_text()
    assert set(re.findall(r"Pin: version (\S+)", text)) == {DEBS["10.2"], "*"}
    project.run("verify")


def test_what_is_not_there_is_told_with_what_is(project: Project) -> None:
    failed = project.fail(6, "client", "apt", APT, "--url", URL, "--cuda", "9.2")
    assert f"{APT}: none of it is for CUDA 9.2" in failed.error
    assert ", ".join(CUDAS) in failed.hint
    assert "libcudnn8" in project.fail(6, "client", "dnf", YUM, "--url", URL, "--only", "libcudnn9").hint


@pytest.mark.parametrize(
    ("form", "repository", "spelt"),
    [
        *((form, APT, DEBS) for form in ("apt", "dockerfile-ubuntu", "ansible")),
        *((form, YUM, RPMS) for form in ("dnf", "dockerfile-rhel")),
    ],
)
def test_an_export_of_several_is_refused_and_its_hint_leads_to_one(
    project: Project, form: str, repository: str, spelt: dict[str, str]
) -> None:
    argv = ("export", form, "--url", URL, "--repository", repository)
    failed = project.fail(6, *argv)
    assert re.search(r"several versions of libcudnn8(-dev|-devel)?: ", failed.error)
    (cuda,) = re.findall(r"--cuda (\S+),", failed.hint)
    (only,) = re.findall(r"--only (\S+)", failed.hint)
    for options in (("--cuda", cuda), ("--only", only)):
        text = project.run(*argv, *options).out
        assert set(re.findall(r"8\.0\.5\.39-1[+.]cuda\d+\.\d", text)) == {spelt[cuda]}


def test_clients_of_a_whole_mirror_stay_within_a_cuda(
    site_key: SiteKey, nvidia: Nvidia, rhel: Rhel, tmp_path: Path
) -> None:
    """No version is locked there, so the files name the CUDA: a newer one for it is taken, one for another is not."""
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    keys = {"keys": [nvidia.key.fingerprint], "keyrings": [str(nvidia.key_file)]}
    project.add("upstream", name=APT, type="apt", url=nvidia.apt_url, whole=True, **keys)
    add_yum(project, rhel, whole=True)
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    with http.serve(project.base / "site") as site:
        root = AptRoot(tmp_path / "apt")
        configured_apt(project, site, root, "--cuda", "10.2")
        root.update()
        root.install("libcudnn8-dev")
        assert "0 upgraded" in root.apt_get("dist-upgrade", "-y").stdout
        assert (root.version("libcudnn8"), root.version("libcudnn8-dev")) == (DEBS["10.2"],) * 2
        argv = ("--url", f"{site.url}/current", "--output", str(tmp_path / "clients"), "--cuda", "10.2")
        done = project.run("client", "dnf", RHEL, *argv, "--json").json
        dnf = configured_dnf(in_folder(Path(done["folder"])), tmp_path / "dnf")
        dnf.lock_versions()
        dnf.install("libcudnn8-devel")
        assert "Nothing to do" in dnf.dnf("upgrade").stdout
        assert {dnf.installed()[name] for name in ("libcudnn8", "libcudnn8-devel")} == {RPMS["10.2"]}
    assert done["install"] == "dnf install PACKAGE"
    assert "11.1" in project.fail(6, "client", "apt", APT, "--url", URL, "--cuda", "9.2").hint
    assert "mirrored whole" in project.fail(6, "client", "apt", APT, "--url", URL, "--only", "libcudnn8").error
    failed = project.fail(6, "client", "dnf", RHEL, "--url", URL, "--cuda", "10.2", "--hold", "excludes")
    assert "omit --hold" in failed.hint

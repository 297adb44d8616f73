"""``client apt`` with the real apt and dpkg: the keyring package, pins, locked versions, cuda-keyring held back."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.debs import Deb, simple_deb, write_deb
from simulator.nvidia import Nvidia
from simulator.process import run
from simulator.project import APT, Project
from simulator.site_key import SiteKey
from tests.clients import http
from tests.clients.apt import AptRoot

from cudepot.kinds.apt.rules.client_text import AptClient, locked_versions, repository_pin, sources, vendor_source

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="packages for amd64 get installed")
OLD, NEW = "8.0.5.39-1+cuda10.2", "8.0.5.39-1+cuda11.1"
VENDOR = "etc/apt/sources.list.d/cuda-ubuntu2004-x86_64.list"


@pytest.fixture
def project(site_key: SiteKey, tmp_path: Path, nvidia: Nvidia) -> Project:
    """A site that holds both versions' packages, the older ones locked at first."""
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    project.add_apt(nvidia, f"libcudnn8={OLD}", f"libcudnn8-dev={OLD}")
    project.publish()
    return project


@pytest.fixture
def site(project: Project) -> Iterator[http.Site]:
    with http.serve(project.base / "site") as one:
        yield one


def configured(project: Project, site: http.Site, root: AptRoot, *options: str) -> Path:
    """Write the client's files, install the keyring package, put the preferences where apt reads them."""
    done = project.run("client", "apt", APT, "--url", f"{site.url}/current", "--json", *options).json
    folder = Path(done["folder"])
    root.apt_get("install", "-y", str(folder / done["package"]))
    for file in (folder / "etc/apt/preferences.d").iterdir():
        root.add_file(file, "etc/apt/preferences.d")
    _inside(root)
    return folder


def _inside(root: AptRoot) -> None:
    """Let Signed-By name the key inside the root: apt here reads it from the host's root."""
    for file in (root.path / "etc/apt/sources.list.d").glob("*.sources"):
        text = file.read_text()
        file.write_text(text.replace("Signed-By: /usr", f"Signed-By: {root.path}/usr"))


def test_the_keyring_package_makes_a_client(project: Project, site: http.Site, tmp_path: Path) -> None:
    root = AptRoot(tmp_path / "root")
    folder = configured(project, site, root)
    assert root.status("acme-archive-keyring") == "install ok installed"
    key = (folder / "usr/share/keyrings/acme.gpg").read_bytes()
    assert (
        (root.path / "usr/share/keyrings/acme.gpg").read_bytes() == key == (project.site / "keys/site.gpg").read_bytes()
    )
    root.update()
    assert site.count("*/by-hash/SHA256/*", status=200) >= 1
    policy = run("apt-cache", "policy", env=root.env).stdout
    assert f"600 {site.url}/current/apt/{APT}  Packages" in policy, "NVIDIA's Label still matches"
    root.install("libcudnn8-dev")
    assert root.version("libcudnn8") == OLD
    root.remove("acme-archive-keyring")


def test_locked_versions_are_held_and_gone_back_to(
    project: Project, site: http.Site, nvidia: Nvidia, tmp_path: Path
) -> None:  # fmt: skip
    root = AptRoot(tmp_path / "root")
    root.add_source(nvidia.apt_url, nvidia.keyring, name="upstream")
    root.update()
    root.install(f"libcudnn8={NEW}", f"libcudnn8-dev={NEW}")
    configured(project, site, root)
    root.update()
    policy = root.policy("libcudnn8")
    assert f"Candidate: {OLD}" in policy
    assert f"{OLD} 1001" in policy
    assert f"{NEW} -1" in policy
    root.apt_get("dist-upgrade", "-y", "--allow-downgrades")
    assert (root.version("libcudnn8"), root.version("libcudnn8-dev")) == (OLD, OLD), "down to the pin"
    root.apt_get("dist-upgrade", "-y")
    assert root.version("libcudnn8") == OLD, "the newer one of the upstream is not taken"


def test_a_newer_version_in_the_site_itself_is_not_taken(project: Project, site: http.Site, tmp_path: Path) -> None:
    root = AptRoot(tmp_path / "root")
    configured(project, site, root)
    project.sections = [
        one.replace(f'libcudnn8={OLD}"', f'libcudnn8={OLD}", "libcudnn8={NEW}"') for one in project.sections
    ]
    project.write()
    project.publish()
    root.update()
    assert NEW in root.policy("libcudnn8")
    root.install("libcudnn8")
    assert root.version("libcudnn8") == OLD
    configured(project, site, root)
    assert f"Candidate: {NEW}" in root.policy("libcudnn8"), "locked now, and configured anew"
    root.apt_get("dist-upgrade", "-y")
    assert root.version("libcudnn8") == NEW


def cuda_keyring(version: str = "1.1-1") -> Deb:
    deb = simple_deb("cuda-keyring", version, "all")
    deb.files[f"/{VENDOR}"] = b"deb http://127.0.0.1:9/compute/cuda/repos/ubuntu2004/x86_64/ /\n"
    deb.scripts["conffiles"] = f"/{VENDOR}\n"
    return deb


@pytest.mark.parametrize("before", [True, False], ids=["installed-before", "installed-after"])
def test_cuda_keyring_is_held_back(project: Project, site: http.Site, tmp_path: Path, before: bool) -> None:
    root = AptRoot(tmp_path / "root")
    deb = write_deb(cuda_keyring(), tmp_path)
    if before:
        root.apt_get("install", "-y", str(deb))
        assert root.update(check=False).returncode, "the upstream cannot be reached"
    configured(project, site, root, "--hold-back-cuda-keyring")
    if not before:
        argv = ["dpkg", f"--root={root.path}", "--force-script-chrootless", "--force-not-root", "-i", str(deb)]
        run(*argv, env=root.env)
    assert root.status("cuda-keyring") == "install ok installed"
    assert not (root.path / VENDOR).exists()
    assert (root.path / f"{VENDOR}.disabled").is_file()
    root.update()
    root.remove("acme-archive-keyring")
    assert (root.path / VENDOR).is_file(), "nothing is lost when the site's package goes"


def test_apt_does_not_choose_cuda_keyring(project: Project, site: http.Site, nvidia: Nvidia, tmp_path: Path) -> None:
    nvidia.repo.add(write_deb(cuda_keyring(), tmp_path))
    nvidia.repo.publish()
    project.add("pin", upstream=APT, packages=["cuda-keyring"])
    project.publish()
    root = AptRoot(tmp_path / "root")
    configured(project, site, root, "--hold-back-cuda-keyring")
    root.update()
    assert "Candidate: (none)" in root.policy("cuda-keyring")
    assert root.install("cuda-keyring", check=False).returncode


def test_files_are_the_same_each_time(project: Project) -> None:
    argv = ["client", "apt", APT, "--url", "https://packages.example", "--json", "--output"]
    one, other = (project.run(*argv, name).json for name in ("one", "other"))
    assert one["files"] == other["files"]
    for name in one["files"]:
        assert Path(one["folder"], name).read_bytes() == Path(other["folder"], name).read_bytes()


def test_errors_name_what_is_there(project: Project, site_key: SiteKey, tmp_path: Path) -> None:
    missing = project.fail(3, "client", "apt", "debian", "--url", "https://x/")
    assert "no apt repository for 'debian'" in missing.error
    assert APT in missing.hint
    assert "is not a URL" in project.fail(3, "client", "apt", APT, "--url", "packages.example").error
    empty = Project(tmp_path / "empty", key=site_key.fingerprint, gnupg=site_key.home).init()
    assert "shows nothing yet" in empty.fail(3, "client", "apt", APT, "--url", "https://x/").error


def client(**more: object) -> AptClient:
    given = {
        "upstream": "u", "url": "https://x/apt/u/", "origin": "NVIDIA", "label": "NVIDIA CUDA", "by_hash": "yes",
        "keyring": "/usr/share/keyrings/acme.gpg", "versions": {"a": ["2", "1"], "b": ["1"]},
    }  # fmt: skip
    return AptClient(**(given | more))  # type: ignore[arg-type]


def test_texts() -> None:
    assert sources([client()]).decode() == (
        "Types: deb\nURIs: https://x/apt/u/\nSuites: /\nSigned-By: /usr/share/keyrings/acme.gpg\nBy-Hash: yes\n"
    )
    assert b"Pin: release o=NVIDIA, l=NVIDIA CUDA\nPin-Priority: 600\n" in repository_pin([client(), client()])
    assert b"l=a?b\n" in repository_pin([client(label="a,b", origin="")])
    records = locked_versions([client()], leave_out=["b"]).decode().split("\n\n")
    assert [one.split("\n")[1:3] for one in records] == [
        ["Pin: version 2", "Pin-Priority: 1001"], ["Pin: version 1", "Pin-Priority: 1001"],
        ["Pin: version *", "Pin-Priority: -1"],
    ]  # fmt: skip
    assert locked_versions([client(versions={})]) == b""
    assert locked_versions([client(many=True)]).startswith(b"Package: a:any\n")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2004/x86_64/", "cuda-ubuntu2004-x86_64.list"),
        ("https://developer.download.nvidia.com/compute/cuda/repos///debian12/x86_64/", "cuda-debian12-x86_64.list"),
        ("https://mirror.example/debian/", ""),
    ],
)
def test_what_cuda_keyring_calls_its_source(url: str, name: str) -> None:
    assert vendor_source(url) == name


def test_a_repository_mirrored_whole_brings_its_upstreams_key(nvidia: Nvidia, tmp_path: Path) -> None:
    whole = pytest.importorskip("tests.integration.test_whole_mirror", reason="this cudepot mirrors nothing whole")
    project = whole.mirrored(nvidia, tmp_path / "project")
    with http.serve(project.site) as served:
        done = json.loads(project.cudepot("client", "apt", APT, "--url", served.url, "--json").stdout)
        assert "usr/share/keyrings/acme-ubuntu2004-x86_64.gpg" in done["files"]
        assert not [name for name in done["files"] if name.endswith("-locked.pref")]
        root = AptRoot(tmp_path / "root")
        root.apt_get("install", "-y", str(Path(done["folder"]) / done["package"]))
        _inside(root)
        root.update()
        root.install("libcudnn8")
    assert root.version("libcudnn8") == NEW


def test_versions_of_a_foreign_architecture_are_held_too(site_key: SiteKey, nvidia: Nvidia, tmp_path: Path) -> None:
    for version in ("1.0", "2.0"):
        nvidia.repo.add(*(write_deb(simple_deb("tool", version, arch), tmp_path) for arch in ("amd64", "arm64")))
    nvidia.repo.publish()
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    keys = {"keys": [nvidia.key.fingerprint], "keyrings": [str(nvidia.key_file)]}
    project.add("upstream", name=APT, type="apt", url=nvidia.apt_url, architectures=["amd64", "arm64"], **keys)
    project.add("pin", upstream=APT, packages=["tool=1.0"])
    project.publish()
    root = AptRoot(tmp_path / "root", foreign=("arm64",))
    root.add_source(nvidia.apt_url, nvidia.keyring, name="upstream")
    with http.serve(project.base / "site") as site:
        configured(project, site, root)
        root.update()
    for name in ("tool", "tool:arm64"):
        assert "Candidate: 1.0" in root.policy(name)
        assert "2.0 -1" in root.policy(name)

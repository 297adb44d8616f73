"""Files as NVIDIA made them on a site: archives and installers, from the page's commands to an installed cuDNN."""

from __future__ import annotations

import hashlib
import html
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from simulator.process import clean_env, run
from tests.clients import http
from tests.clients.chroot import Chroot, why_not
from tests.clients.dnf import DnfRoot
from tests.integration import page
from tests.integration.page import Browser
from tests.integration.showcase import showcase  # noqa: F401 - a fixture
from tests.integration.world import Project

CUDA = "cuDNN 8.0.5.39 for CUDA 11.1"
TGZ = "cudnn-11.1-linux-x64-v8.0.5.39.tgz"
DEB = "cudnn-local-repo-ubuntu2004-8.0.5.39_1.0-1_amd64.deb"
RPM = "cudnn-local-repo-rhel8-8.0.5.39-1.0-1.x86_64.rpm"
ZIP = "cudnn-11.1-windows-x64-v8.0.5.39.zip"


@pytest.fixture(scope="module")
def url(showcase: Project) -> Iterator[str]:  # noqa: F811
    with http.serve(showcase.site) as site:
        yield site.url


def commands(browser: Browser, url: str, **chosen: str) -> list[str]:
    """Click through the page and return the commands."""
    return page.chosen(browser, url, chosen).splitlines()


def shell(lines: list[str], folder: Path) -> None:
    """Run commands as they are, but for sudo."""
    script = "\n".join(lines).replace("sudo ", "")
    subprocess.run(["sh", "-ec", script], cwd=folder, env=clean_env(), check=True, stdout=subprocess.DEVNULL)


def test_they_lie_on_the_site_as_they_are_and_are_listed_with_their_hash(
    showcase: Project,  # noqa: F811
    url: str,
) -> None:
    tree = json.loads((showcase.site / "snapshot.json").read_text())["tree"]
    page = (showcase.site / "index.html").read_text()
    for name in (TGZ, DEB, RPM, ZIP, "it's a note.txt"):
        path = showcase.site / "files/downloads" / name
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        assert tree[f"files/downloads/{name}"] == {"sha256": sha256, "size": path.stat().st_size}
        assert sha256 in page
        assert f">{html.escape(name)}</a>" in page
        object_ = showcase.folder / "store/objects" / sha256[:2] / sha256
        assert object_.samefile(path), "a hard link, not a copy"
    assert not list((showcase.site / "apt").rglob("*local-repo*")), "an installer is no package of a repository"
    run("curl", "-fsSo", "/dev/null", f"{url}/files/downloads/{TGZ}")


def test_verify_finds_a_file_that_was_exchanged(showcase: Project, tmp_path: Path) -> None:  # noqa: F811
    path = showcase.site / "files/downloads" / TGZ
    kept = tmp_path / "kept"
    path.rename(kept)
    try:
        path.write_bytes(b"another")
        done = showcase.cudepot("verify", check=False)
    finally:
        path.unlink()
        kept.rename(path)
    assert done.returncode == 5
    assert f"files/downloads/{TGZ}" in done.stdout + done.stderr
    assert showcase.cudepot("verify").returncode == 0


@pytest.mark.slow
def test_tar(browser: Browser, url: str, showcase: Project, tmp_path: Path) -> None:  # noqa: F811
    lines = commands(browser, url, version=CUDA, os="Linux", distro="any other", type="tar")
    assert browser.find_element(By.ID, "what").text == f"tar (archive), {CUDA}"
    assert lines[0] == f"curl -fsSLo {TGZ} '{url}/files/downloads/{TGZ}'"
    for folder in ("include", "lib64"):
        (tmp_path / "cuda" / folder).mkdir(parents=True)
    ours = [one.replace("/usr/local/cuda", f"{tmp_path}/cuda") for one in lines]
    shell(ours, tmp_path)
    assert "#define CUDNN_MAJOR 8" in (tmp_path / "cuda/include/cudnn_version.h").read_text()
    assert (tmp_path / "cuda/lib64/libcudnn.so").resolve().name == "libcudnn.so.8.0.5"
    assert (tmp_path / "cuda/lib64/libcudnn.so.8").is_symlink()
    wrong = [one.replace((hash_of(showcase, TGZ))[:8], "0" * 8) for one in ours]
    again = tmp_path / "again"
    again.mkdir()
    with pytest.raises(subprocess.CalledProcessError):
        shell(wrong, again)
    assert not (again / TGZ).exists(), "other bytes are not kept"


def hash_of(project: Project, name: str) -> str:
    return hashlib.sha256((project.site / "files/downloads" / name).read_bytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.lengthy
@pytest.mark.xdist_group("debian")
@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_local_deb_on_a_debian(browser: Browser, url: str, base: Path, tmp_path: Path) -> None:
    lines = commands(browser, url, version=CUDA, os="Linux", distro="Ubuntu 20.04", type="deb-local")
    assert lines[2] == f"sudo dpkg -i ./{DEB}"
    debian = Chroot(base, tmp_path / "root")
    shell(lines[:2], debian.path / "tmp")
    (debian.path / "etc/apt/apt.conf.d/98yes").write_text('APT::Get::Assume-Yes "true";\n')
    rest = "\n".join(lines[2:]).replace("sudo ", "")
    debian.run("sh", "-ec", f"cd /tmp\n{rest}")
    assert debian.installed("libcudnn8-dev") == "8.0.5.39-1+cuda11.1"
    assert debian.real("/usr/lib/x86_64-linux-gnu/libcudnn.so.8").endswith("libcudnn.so.8.0.5")


@pytest.mark.slow
def test_local_rpm_with_dnf(browser: Browser, url: str, tmp_path: Path) -> None:
    lines = commands(browser, url, version=CUDA, os="Linux", distro="RHEL 8", type="rpm-local")
    root = DnfRoot(tmp_path / "root")
    shell(lines[:2], tmp_path)
    assert lines[2] == f"sudo rpm -i ./{RPM}"
    run("rpm", "--root", root.path / "install", "--nodeps", "-i", tmp_path / RPM)
    (repo,) = (root.path / "install/etc/yum.repos.d").iterdir()
    text = repo.read_text().replace("file:///", f"file://{root.path}/install/")  # dnf runs outside of the root
    (root.path / "etc/yum.repos.d" / repo.name).write_text(text)
    root.provide("libc.so.6()(64bit)")
    command = lines[3].split()
    assert command[:4] == ["sudo", "dnf", "install", "--setopt='*.skip_if_unavailable=1'"]
    root.install(*command[4:])
    assert root.installed()["libcudnn8-devel"] == "8.0.5.39-1.cuda11.1"


@pytest.mark.slow
def test_zip_in_powershell(browser: Browser, url: str, showcase: Project) -> None:  # noqa: F811
    lines = commands(browser, url, version=CUDA, os="Windows", type="zip")
    assert lines == [
        f"Invoke-WebRequest '{url}/files/downloads/{ZIP}' -OutFile '{ZIP}'",
        f"if ((Get-FileHash '{ZIP}').Hash -ne '{hash_of(showcase, ZIP)}') {{ throw 'not the file that is meant' }}",
        f"Expand-Archive '{ZIP}' .",
    ]


@pytest.mark.slow
def test_another_file_under_a_published_name_is_refused(showcase: Project, tmp_path: Path) -> None:  # noqa: F811
    copy = Project(tmp_path / "project")
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "tool.run").write_bytes(b"one")
    copy.init()
    copy.append(f'[[upstream]]\nname = "x"\ntype = "folder"\npath = "{folder}"\n')
    copy.append('[[pin]]\nupstream = "x"\npackages = ["tool.run"]\n')
    for verb in ("lock", "sync", "publish"):
        copy.cudepot(verb)
    (folder / "tool.run").write_bytes(b"two")
    assert copy.cudepot("lock", check=False).returncode == 5
    shutil.rmtree(copy.folder / "store/upstreams", ignore_errors=True)
    (copy.folder / "cudepot.lock").unlink()
    for verb in ("lock", "sync"):
        copy.cudepot(verb)
    done = copy.cudepot("publish", check=False)
    assert done.returncode == 5
    assert "files/x/tool.run was published with sha256" in done.stderr

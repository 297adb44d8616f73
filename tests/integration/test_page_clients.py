"""What the page says, taken from its DOM and run by real clients that see the site and nothing else.

Each of them has other channels configured, which are out of reach: what is pasted has to work there as well.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from selenium.webdriver.common.by import By
from simulator.process import clean_env
from simulator.s3 import free_port
from tests.clients import alone, chroot, web
from tests.clients.alone import Alone
from tests.clients.chroot import Chroot
from tests.clients.dnf import DnfRoot
from tests.integration.page import SUDO, Browser, chosen
from tests.integration.showcase import showcase  # noqa: F401 - a fixture
from tests.integration.world import Project

CUDNN = "cuDNN 8.0.5.39 for CUDA 11.1"
DEBIAN = {"version": CUDNN, "os": "Linux", "distro": "Ubuntu 20.04"}
KEYRING = "acme-archive-keyring"
NOWHERE = "http://127.0.0.2:9"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(alone.why_not()), reason=alone.why_not() or "-")]


class Shown(NamedTuple):
    """A site that says its URL, as this machine sees it, and a machine that sees it alone, under the same URL."""

    project: Project
    url: str
    machine: Alone


@pytest.fixture(scope="module")
def shown(showcase: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:  # noqa: F811
    port = free_port()
    project = Project(tmp_path_factory.mktemp("shown") / "project")
    shutil.copytree(showcase.folder, project.folder, symlinks=True)
    label = 'label = "acme"'
    project.toml.write_text(project.toml.read_text().replace(label, f'{label}\nurl = "http://127.0.0.1:{port}/"'))
    project.cudepot("publish")
    with web.serve(project.folder, "--port", str(port)) as url, Alone(project.folder, port) as machine:
        assert machine.url == url
        yield Shown(project, url, machine)


def test_an_unchanged_publish_keeps_the_keyring_package_and_verify_is_content(shown: Shown) -> None:
    assert '"fresh": false' in shown.project.cudepot("publish", "--json").stdout
    shown.project.cudepot("verify")
    (package,) = (shown.project.site / "clients/ubuntu2004-x86_64").glob("*.deb")
    assert package.name == f"{KEYRING}_1.2_all.deb"


@pytest.mark.lengthy
@pytest.mark.xdist_group("debian")
@pytest.mark.skipif(bool(chroot.why_not()), reason=chroot.why_not() or "-")
@pytest.mark.parametrize(("host", "fetch"), [("127.0.0.1", "apt"), ("localhost", "python3")])
def test_apt_on_a_bare_debian(
    shown: Shown, browser: Browser, base: Path, tmp_path: Path, host: str, fetch: str
) -> None:
    """By the keyring package; and under an address that the files on the site do not name, by text."""
    text = chosen(browser, shown.url.replace("127.0.0.1", host), {**DEBIAN, "type": "deb", "fetch": fetch})
    debian = Chroot(base, tmp_path / "root")
    (debian.path / "etc/hosts").write_text("127.0.0.1 localhost\n")
    settings = debian.path / "etc/apt/apt.conf.d/99test"  # apt's own way with a source that is out of reach: a warning
    strict = 'APT::Update::Error-Mode "any";'
    assert strict in settings.read_text()
    settings.write_text(settings.read_text().replace(strict, 'APT::Get::Assume-Yes "true";'))
    (debian.path / "etc/apt/sources.list").write_text(f"deb [trusted=yes] {NOWHERE}/debian stable main\n")
    debian.run("sh", "-c", f"{SUDO}cd /tmp\n{text}", prefix=shown.machine.prefix)
    assert debian.installed("libcudnn8-dev") == "8.0.5.39-1+cuda11.1"
    assert bool(debian.installed(KEYRING)) == (host == "127.0.0.1")
    source = debian.reads("/etc/apt/sources.list.d/acme.sources")
    assert f"URIs: {shown.url.replace('127.0.0.1', host)}/apt/" in source
    assert "Signed-By: /usr/share/keyrings/acme.gpg" in source


def test_dnf_checks_metadata_and_packages(shown: Shown, browser: Browser, tmp_path: Path) -> None:
    text = chosen(browser, shown.url, {"version": CUDNN, "os": "Linux", "distro": "RHEL 8", "type": "rpm"})
    root = DnfRoot(tmp_path / "root")
    root.provide("libc.so.6()(64bit)")
    (root.path / "etc/pki/rpm-gpg").mkdir(parents=True)
    root.add_repo("nowhere", NOWHERE, None)
    *before, install = text.splitlines()
    assert before[-1].startswith("sudo curl -fsSLo /etc/yum.repos.d/acme.repo")
    script = re.sub(r"(?<= )/etc/", f"{root.path}/etc/", "\n".join(before))
    script = script.replace("sudo rpm ", f"sudo rpm --root {root.path}/install ")
    subprocess.run([*shown.machine.prefix, "sh", "-c", SUDO + script], env=clean_env(), check=True)
    repo = root.path / "etc/yum.repos.d/acme.repo"
    assert {"gpgcheck=1", "repo_gpgcheck=1"} <= set(repo.read_text().splitlines())
    repo.write_text(repo.read_text().replace("file:///etc", f"file://{root.path}/etc"))
    words = ["sudo", "dnf", "install", "--setopt='*.skip_if_unavailable=1'", "libcudnn8-8.0.5.39-1.cuda11.1"]
    assert install.split() == words
    root.dnf("install", words[3].replace("'", ""), words[4], prefix=shown.machine.prefix)
    assert root.installed()["libcudnn8"] == "8.0.5.39-1.cuda11.1"


@pytest.mark.parametrize("program", ["pip", "uv"])
def test_pip_and_uv_ask_no_other_index(shown: Shown, browser: Browser, tmp_path: Path, program: str) -> None:
    text = chosen(browser, shown.url, {**DEBIAN, "type": program})
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/uv").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text(f"[global]\nextra-index-url = {NOWHERE}/simple/\n")
    (tmp_path / ".config/uv/uv.toml").write_text(f'[[index]]\nurl = "{NOWHERE}/simple/"\n')
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    env = clean_env(HOME=str(tmp_path), PATH=path, PIP_EXTRA_INDEX_URL=f"{NOWHERE}/simple/", PIP_RETRIES="9")
    script = [*shown.machine.prefix, "sh", "-ec", text]
    done = subprocess.run(script, env=env, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert NOWHERE not in done.stdout + done.stderr
    (installed,) = tmp_path.glob("cudnn/lib/python3*/site-packages/nvidia_cudnn_cu11-*.dist-info")
    assert "8.0.5.39+acme.1" in installed.name


@pytest.mark.parametrize(
    ("whole", "program", "file"),
    [
        ("conda/main", "conda", "conda/.condarc"), ("conda/main", "pixi", "pixi/config.toml"),
        ("simple", "pip", "pip.conf"), ("simple", "uv", "uv/uv.toml"),
    ],
)  # fmt: skip
def test_files_for_programs_are_those_of_cudepot_client(
    shown: Shown, browser: Browser, tmp_path: Path, whole: str, program: str, file: str
) -> None:
    text = chosen(browser, shown.url, {"version": f"Everything in {whole}", "type": program})
    script = re.sub(r"(?<= )/etc", f"{tmp_path}/etc", text)
    (tmp_path / "etc").mkdir()
    subprocess.run([*shown.machine.prefix, "sh", "-c", SUDO + script], env=clean_env(), check=True)
    made = "pip" if program == "uv" else program
    shown.project.cudepot("client", made, "--output", str(tmp_path / "by-hand"))
    assert (tmp_path / "etc" / file).read_bytes() == (tmp_path / "by-hand/etc" / file).read_bytes()


def test_client_files_are_linked_below_the_commands(shown: Shown, browser: Browser) -> None:
    chosen(browser, shown.url, {**DEBIAN, "type": "deb"})
    browser.find_element(By.CSS_SELECTOR, "#files summary").click()
    links = [str(one.get_attribute("href")) for one in browser.find_elements(By.CSS_SELECTOR, "#links a")]
    assert len(links) == 5
    for one in links:
        assert (shown.project.site / one.removeprefix(f"{shown.url}/")).exists(), one

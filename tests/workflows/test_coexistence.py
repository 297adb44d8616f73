"""cuDNN 7 and 8 from one site in one dpkg root: side by side, switched, upgraded, downgraded, and for arm64."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.nvidia import Artifacts, Nvidia
from simulator.project import APT, Project
from simulator.site_key import SiteKey
from tests.both_majors import both_majors
from tests.clients.apt import AptRoot
from tests.clients.http import Site, serve

TRIPLET = "x86_64-linux-gnu"


@pytest.fixture(scope="module")
def published(
    nvidia_artifacts: Artifacts,
    site_key_master: tuple[KeyHome, Key],
    tmp_path_factory: pytest.TempPathFactory,
) -> Project:
    """A site with cuDNN 7 and 8; NVIDIA is gone."""
    home, key = site_key_master
    base = tmp_path_factory.mktemp("both")
    with Nvidia(nvidia_artifacts, base / "nvidia") as nvidia:
        return both_majors(nvidia, Project(base / "project", key=key.fingerprint, gnupg=home.path).init())


@pytest.fixture
def site(published: Project) -> Iterator[Site]:
    """The published site on a server."""
    with serve(published.site) as one:
        yield one


def client(site: Site, key: SiteKey, folder: Path, foreign: tuple[str, ...] = ()) -> AptRoot:
    root = AptRoot(folder, foreign=foreign)
    root.add_source(f"{site.url}/apt/{APT}/", key.keyring)
    root.update()
    return root


def links(root: AptRoot) -> tuple[str, str]:
    """Return to what the header and the library of developers lead."""
    header = root.path / "etc/alternatives/libcudnn"
    library = root.path / "etc/alternatives/libcudnn_so"
    return str(header.readlink()).rpartition("/")[2], str(library.readlink()).rpartition("/")[2]


def test_the_pins_brought_what_they_mean(published: Project) -> None:
    text = published.lock.read_text()
    assert text.count('version = "7.6.5.32-1+cuda10.2"') == 3
    assert text.count('version = "8.0.5.39-1+cuda11.1"') == 4, "two packages, two architectures"
    assert text.count('version = "8.9.7.29-1+cuda11.8"') == 2
    assert text.count("[[artifact]]") == 9, "and nothing else"


def test_7_and_8_live_side_by_side_and_alternatives_switch_between_them(
    site: Site, site_key: SiteKey, tmp_path: Path
) -> None:
    root = client(site, site_key, tmp_path / "root")
    root.install("libcudnn7-dev", "libcudnn8-dev=8.0.5.39-1+cuda11.1", "libcudnn8=8.0.5.39-1+cuda11.1")
    assert links(root) == ("cudnn_v8.h", "libcudnn.so.8"), "the newer one has the higher priority"
    root.set_alternative("libcudnn", f"/usr/include/{TRIPLET}/cudnn_v7.h")
    assert links(root) == ("cudnn_v7.h", "libcudnn.so.7")
    assert "#define CUDNN_MAJOR 7" in root.file("/usr/include/cudnn.h").read_text()
    root.set_alternative("libcudnn", f"/usr/include/{TRIPLET}/cudnn_v8.h")
    assert links(root) == ("cudnn_v8.h", "libcudnn.so.8")
    for soname in ("libcudnn.so.7", "libcudnn.so.8"):
        assert root.file(f"/usr/lib/{TRIPLET}/{soname}").is_file()
    root.remove("libcudnn8-dev")
    assert links(root) == ("cudnn_v7.h", "libcudnn.so.7"), "what is left takes over"


def test_upgrade_from_7_to_8_and_within_8(site: Site, site_key: SiteKey, tmp_path: Path) -> None:
    root = client(site, site_key, tmp_path / "root")
    root.install("libcudnn7-dev")
    assert links(root) == ("cudnn_v7.h", "libcudnn.so.7")
    root.install("libcudnn8-dev=8.0.5.39-1+cuda11.1", "libcudnn8=8.0.5.39-1+cuda11.1", "libcudnn7-dev-", "libcudnn7-")
    assert (root.status("libcudnn7"), root.status("libcudnn8")) == ("", "install ok installed")
    assert links(root) == ("cudnn_v8.h", "libcudnn.so.8")
    root.apt_get("upgrade", "-y")
    assert root.version("libcudnn8-dev") == root.version("libcudnn8") == "8.9.7.29-1+cuda11.8"
    assert links(root) == ("cudnn_v8.h", "libcudnn.so.8")


def test_downgrade_to_a_pin(site: Site, site_key: SiteKey, tmp_path: Path) -> None:
    root = client(site, site_key, tmp_path / "root")
    root.install("libcudnn8-dev")
    assert root.version("libcudnn8") == "8.9.7.29-1+cuda11.8"
    pin = tmp_path / "cudnn"
    pin.write_text("Package: libcudnn8*\nPin: version 8.0.5.39-1+cuda11.1\nPin-Priority: 1001\n")
    root.add_file(pin, "etc/apt/preferences.d")
    policy = root.policy("libcudnn8")
    assert "Candidate: 8.0.5.39-1+cuda11.1" in policy
    assert "8.0.5.39-1+cuda11.1 1001" in policy
    root.apt_get("upgrade", "-y", "--allow-downgrades")
    assert root.version("libcudnn8-dev") == root.version("libcudnn8") == "8.0.5.39-1+cuda11.1"
    assert links(root) == ("cudnn_v8.h", "libcudnn.so.8")


def test_arm64_installs_as_a_foreign_architecture(site: Site, site_key: SiteKey, tmp_path: Path) -> None:
    root = client(site, site_key, tmp_path / "root", foreign=("arm64",))
    root.install("libcudnn8-dev:arm64=8.0.5.39-1+cuda11.1", "libcudnn7")
    assert root.status("libcudnn8:arm64") == "install ok installed"
    library = root.file("/usr/lib/aarch64-linux-gnu/libcudnn.so.8").read_bytes()
    assert (library[:4], library[18:20]) == (b"\x7fELF", b"\xb7\x00"), "EM_AARCH64"
    assert root.status("libcudnn7") == "install ok installed"

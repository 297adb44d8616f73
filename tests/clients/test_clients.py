"""Shows that the client helpers really run apt, dpkg, pip, uv and conda's solver, and keep the host out."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

import pytest
from simulator.apt import DistsRepo, FlatRepo
from simulator.keys import PAST, KeyHome
from simulator.nvidia import Nvidia
from simulator.process import ToolError
from tests.clients.apt import AptRoot, host_debian_source
from tests.clients.conda_env import create, solve, standin_channel
from tests.clients.http import serve
from tests.clients.python_env import PythonEnv, load_cudnn

DEB = "8.0.5.39-1+cuda11.1"

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the stand-in artifacts are for x86_64 and get installed"
)


@pytest.fixture
def root(nvidia: Nvidia, tmp_path: Path) -> AptRoot:
    """An apt that knows NVIDIA's repository."""
    root = AptRoot(tmp_path / "root")
    root.add_source(nvidia.apt_url, nvidia.keyring)
    return root


def test_apt_installs_from_the_flat_repository_and_postinst_runs(root: AptRoot, nvidia: Nvidia) -> None:
    root.update()
    assert f"{nvidia.apt_url.rstrip('/')}  Packages" in root.policy("libcudnn8")
    root.install(f"libcudnn8={DEB}", f"libcudnn8-dev={DEB}")
    assert root.status("libcudnn8-dev") == "install ok installed"
    assert root.version("libcudnn8") == DEB
    assert "link currently points to /usr/include/x86_64-linux-gnu/cudnn_v8.h" in root.alternative("libcudnn")
    assert root.file("/usr/include/cudnn.h").read_bytes() == nvidia.built().parts.headers["cudnn"]
    assert load_cudnn(root.path / "usr/lib/x86_64-linux-gnu", "libcudnn.so.8") == 8005
    root.remove("libcudnn8-dev")
    assert not root.file("/usr/include/cudnn.h").exists()


def test_apt_update_fails_where_it_must(root: AptRoot, nvidia: Nvidia) -> None:
    root.update()
    nvidia.repo.sign(nvidia.other_key)
    with pytest.raises(ToolError, match="NO_PUBKEY"):
        root.update()
    nvidia.repo.sign(when=PAST, expires="1d")
    with pytest.raises(ToolError, match="EXPSIG"):
        root.update()
    nvidia.repo.publish()
    root.update()


def test_apt_sees_an_index_newer_than_its_signature(root: AptRoot, nvidia: Nvidia) -> None:
    nvidia.repo.forget(nvidia.built().debs[0].name)
    nvidia.repo.write_index()
    with pytest.raises(ToolError, match=r"unexpected size|Hash Sum mismatch"):
        root.update()


def test_apt_refuses_a_deb_of_the_same_size(root: AptRoot, nvidia: Nvidia) -> None:
    root.update()
    nvidia.server.same_size(f"{nvidia.apt_path}/libcudnn8_{DEB}_amd64.deb")
    with pytest.raises(ToolError, match="Hash Sum mismatch"):
        root.install(f"libcudnn8={DEB}")


def test_apt_takes_one_line_sources_and_pins(nvidia: Nvidia, tmp_path: Path) -> None:
    root, pin = AptRoot(tmp_path / "root"), tmp_path / "pin"
    root.add_source(nvidia.apt_url, nvidia.keyring, one_line=True, options="arch=amd64")
    pin.write_text("Package: libcudnn8\nPin: version 8.0.5.39-1+cuda10.2\nPin-Priority: 1001\n")
    root.add_file(pin, "etc/apt/preferences.d")
    root.update()
    assert "Candidate: 8.0.5.39-1+cuda10.2" in root.policy("libcudnn8")


def test_apt_reads_a_dists_repository_by_hash(nvidia: Nvidia, tmp_path: Path) -> None:
    repo = DistsRepo(tmp_path / "site", nvidia.keys, nvidia.key)
    repo.add(*nvidia.built().debs[:1])
    repo.publish(valid_until="Fri, 31 Dec 2100 00:00:00 +0000")
    root = AptRoot(tmp_path / "root")
    with serve(repo.folder) as site:
        root.add_source(site.url, nvidia.keyring, "stable", components="main")
        root.update()
        root.install("libcudnn8")
        assert site.count("*/by-hash/SHA256/*", status=200) == 1
    assert root.status("libcudnn8") == "install ok installed"


def test_pip_and_uv_install_from_the_index_only(nvidia: Nvidia, tmp_path: Path) -> None:
    one = PythonEnv(tmp_path / "one")
    one.pip_install(nvidia.simple_url, "nvidia-cudnn-cu11==8.0.5.39")
    assert load_cudnn(one.lib, "libcudnn.so.8") == 8005
    refused = one.pip_install(nvidia.simple_url, "packaging", check=False)
    assert "(from versions: none)" in refused.stderr
    nvidia.server.same_size("/packages/nvidia_cudnn_cu11-*.whl")
    with pytest.raises(ToolError, match="DO NOT MATCH THE HASHES"):
        one.pip_install(nvidia.simple_url, "nvidia-cudnn-cu11==8.0.5.39", options=("--force-reinstall",))
    nvidia.server.heal()
    nvidia.server.forget()
    shutil.rmtree(one.lib)
    one.uv_install(nvidia.simple_url, "nvidia-cudnn-cu11==8.0.5.39", options=("--reinstall",))
    assert load_cudnn(one.lib, "libcudnn.so.8") == 8005
    assert nvidia.server.count("/packages/nvidia_cudnn_cu11-*.whl.metadata") == 1


def test_loading_a_library_that_lacks_its_parts_fails_in_a_child(nvidia: Nvidia, tmp_path: Path) -> None:
    for name, data in nvidia.built().parts.libraries.items():
        (tmp_path / name.removesuffix(".0.5")).write_bytes(data)
    with pytest.raises(ToolError, match=r"libcublas\.so\.11"):
        load_cudnn(tmp_path, "libcudnn_ops_infer.so.8")


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in for conda-forge."""
    return standin_channel(tmp_path_factory.mktemp("conda") / "forge")


def test_conda_installs_and_heeds_the_driver(forge: Path, tmp_path: Path) -> None:
    found = create([forge], ["cudatoolkit", "libzlib"], tmp_path / "env", cuda="11.1")
    assert found["cudatoolkit"].version == "11.1.1"
    assert (tmp_path / "env/lib/libcublas.so.11").is_file()
    assert (tmp_path / "env/conda-meta/libzlib-1.3.1-standin_0.json").is_file()
    assert solve([forge], ["cudatoolkit"], tmp_path / "c", cuda="10.2")["cudatoolkit"].version == "10.2.89"
    assert solve([forge], ["libcublas"], tmp_path / "c", cuda="12.4")["libcublas"].version == "12.9.1.4"
    with pytest.raises(ToolError, match="__cuda"):
        solve([forge], ["cudatoolkit 11.1.*"], tmp_path / "c", cuda="10.2")


def test_conda_takes_a_package_from_the_first_channel_that_has_it(forge: Path, tmp_path: Path) -> None:
    with serve(forge) as site:
        found = create([site.url, forge], ["libcublas", "cuda-version 13.0"], tmp_path / "env", cuda="13.0")
        assert all(one.url.startswith(site.url) for one in found.values())
        assert site.count("/linux-64/libcublas-13*.conda", status=200) == 1


@pytest.mark.slow
def test_real_debian_packages_with_their_closure_in_an_empty_root(tmp_path: Path) -> None:
    source = host_debian_source()
    if source is None:
        pytest.skip("no Debian or Ubuntu archive is configured on this machine")
    distro = AptRoot(tmp_path / "distro", source.arch)
    distro.add_source(source.url, source.keyring, source.suite, components=" ".join(source.components))
    distro.update()
    distro.apt_get("install", "-y", "--download-only", "--no-install-recommends", "hello", "zlib1g")
    debs = sorted((distro.path / "var/cache/apt/archives").glob("*.deb"))
    site = tmp_path / "site"
    with KeyHome() as keys, serve(site) as server:
        repo = FlatRepo(site / "flat", keys, keys.generate("site <site@example.com>"))
        repo.add(*debs)
        repo.publish()
        ring = tmp_path / "ring.gpg"
        ring.write_bytes(repo.key.binary)
        root = AptRoot(tmp_path / "root", source.arch)
        root.add_source(f"{server.url}/flat", ring)
        root.update()
        root.install("hello", "zlib1g")
    for package in ("hello", "libc6", "zlib1g"):
        assert root.status(package) == "install ok installed"

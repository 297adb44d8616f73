"""Each command that ``doctor`` names is run by the real pip, apt-get or conda, and the finding is gone."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from simulator.nvidia import Nvidia
from simulator.process import run
from simulator.yum import Rhel
from tests.clients import conda_env
from tests.clients.apt import AptRoot
from tests.clients.conda_real import Conda
from tests.clients.dnf import DnfRoot

from cudepot.cli.main import main
from simulator import cudnn_trees as trees

pytestmark = pytest.mark.slow
SITE = f"lib/python3.{sys.version_info.minor}/site-packages"
DEB, OLDER = "8.0.5.39-1+cuda11.1", "8.0.5.39-1+cuda10.2"


def packed(folder: Path, name: str, version: str, fill: Callable[[Path], None]) -> None:
    """Make a wheel of what ``fill`` writes into a folder of Python packages."""
    site = folder.parent / f"{name}-{version}"
    site.mkdir(parents=True)
    fill(site)
    for one in site.glob("*.dist-info"):
        shutil.rmtree(one)
    stem = f"{name}-{version}"
    trees.record(site, stem, [one for one in site.rglob("*") if one.is_file()])
    text = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
    (site / f"{stem}.dist-info/METADATA").write_text(text)
    (site / f"{stem}.dist-info/WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        for one in sorted(site.rglob("*")):
            archive.write(one, str(one.relative_to(site)))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels: two cuDNNs, one for another CUDA, cuBLAS and NVRTC."""
    folder = tmp_path_factory.mktemp("index") / "wheels"
    folder.mkdir()
    for cuda, version in (("12", (9, 10, 2)), ("12", (9, 1, 0)), ("13", (9, 10, 2))):
        full = f"{'.'.join(map(str, version))}.21"
        packed(folder, f"nvidia_cudnn_cu{cuda}", full, lambda site, one=version: trees.put_wheel(site, one))
    packed(folder, "nvidia_cublas_cu12", "12.9.1.4", lambda site: _cuda(site / "nvidia/cublas/lib", "libcublas*"))
    packed(folder, "nvidia_cuda_nvrtc_cu12", "12.9.86", lambda site: _cuda(site / "nvidia/cuda_nvrtc/lib", "libnvrtc*"))
    return folder


def _cuda(folder: Path, names: str) -> None:
    trees.put_cuda(folder)
    for one in set(folder.iterdir()) - set(folder.glob(names)):
        one.unlink()


class Venv(NamedTuple):
    """A venv with torch, and the pip that installs into it from the folder of wheels alone."""

    prefix: Path
    index: Path

    @property
    def site(self) -> Path:
        return self.prefix / SITE

    @property
    def lib(self) -> Path:
        return self.site / "nvidia/cudnn/lib"

    def pip(self, *words: str) -> None:
        env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index), "PIP_CONFIG_FILE": os.devnull}
        command = [sys.executable, "-m", "pip", "--python", str(self.prefix / "bin/python"), *words]
        run(*command, env=os.environ | env)

    def follow(self, remedy: str) -> None:
        """Run the commands of a remedy as a shell would, up to the words behind them."""
        command, *_ = re.split(r", (?:then|and) ", remedy)
        program, *words = shlex.split(command)
        assert program == "pip", remedy
        self.pip(*words)


@pytest.fixture
def venv(tmp_path: Path, index: Path) -> Venv:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    one = Venv(tmp_path / "venv", index)
    one.pip("install", "nvidia-cudnn-cu12==9.10.2.21", "nvidia-cublas-cu12", "nvidia-cuda-nvrtc-cu12")
    trees.put_torch(one.site)
    return one


def found(capsys: pytest.CaptureFixture[str], *words: str | Path) -> list[dict[str, Any]]:
    main(["doctor", "--json", "-q", *map(str, words)])
    result: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
    return result


def changed(venv: Venv) -> None:
    with (venv.lib / "libcudnn_cnn.so.9").open("ab") as stream:
        stream.write(b"\0")


def cut(venv: Venv) -> None:
    os.truncate(venv.lib / "libcudnn_ops.so.9", 1000)


def gone(venv: Venv) -> None:
    shutil.rmtree(venv.site / "nvidia/cudnn")


def without(venv: Venv) -> None:
    venv.pip("uninstall", "-y", "nvidia-cudnn-cu12")


def older(venv: Venv) -> None:
    venv.pip("install", "nvidia-cudnn-cu12==9.1.0.21")


def no_cublas(venv: Venv) -> None:
    venv.pip("uninstall", "-y", "nvidia-cublas-cu12")


def other_major(venv: Venv) -> None:
    trees.put_cudnn(venv.prefix / "old", (8, 9, 7))
    shutil.copy(venv.prefix / "old/libcudnn.so.8.9.7", venv.lib / "libcudnn.so.9")
    shutil.rmtree(venv.prefix / "old")


def cut_short(venv: Venv) -> None:
    """An update that ended early leaves the old record beside the new one."""
    old = venv.site / "nvidia_cudnn_cu12-9.1.0.21.dist-info"
    shutil.copytree(venv.site / "nvidia_cudnn_cu12-9.10.2.21.dist-info", old)
    text = (old / "METADATA").read_text()
    (old / "METADATA").write_text(text.replace("9.10.2.21", "9.1.0.21"))
    (old / "RECORD").write_text((old / "RECORD").read_text().replace("cu12-9.10.2.21", "cu12-9.1.0.21"))


ROWS: tuple[tuple[Callable[[Venv], None], str], ...] = (
    (changed, "changed-file"),
    (cut, "unreadable-library"),
    (gone, "missing-file"),
    (without, "not-found"),
    (older, "too-old"),
    (no_cublas, "missing-cublas"),
    (other_major, "soname-mismatch"),
    (cut_short, "package-mismatch"),
)


@pytest.mark.parametrize(("breaks", "name"), ROWS, ids=[name for _, name in ROWS])
def test_pip_mends_what_doctor_finds(
    venv: Venv, capsys: pytest.CaptureFixture[str], breaks: Callable[[Venv], None], name: str
) -> None:
    assert found(capsys, "--prefix", venv.prefix) == []
    breaks(venv)
    one = next(one for one in found(capsys, "--prefix", venv.prefix) if one["name"] == name)
    venv.follow(one["remedy"])
    assert found(capsys, "--prefix", venv.prefix) == []


def test_wheels_for_two_cudas_are_taken_away_and_the_right_one_comes_back(
    venv: Venv, capsys: pytest.CaptureFixture[str]
) -> None:
    venv.pip("install", "nvidia-cudnn-cu13==9.10.2.21")
    (one,) = found(capsys, "--prefix", venv.prefix)
    assert one["name"] == "mixed-cuda"
    venv.follow(one["remedy"])
    (missing,) = [one for one in found(capsys, "--prefix", venv.prefix) if one["name"] == "not-found"]
    venv.follow(missing["remedy"])
    assert found(capsys, "--prefix", venv.prefix) == []


def test_parts_of_a_lone_dispatcher_come_with_the_wheel_and_its_folder(
    venv: Venv, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without(venv)
    shutil.rmtree(venv.site / "torch")
    trees.put_mangled(venv.site)
    (one,) = [one for one in found(capsys, "--prefix", venv.prefix) if one["name"] == "parts-unreachable"]
    venv.follow(one["remedy"])
    assert one["remedy"].endswith("and add its folder nvidia/cudnn/lib to LD_LIBRARY_PATH")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(venv.lib))
    assert found(capsys, "--prefix", venv.prefix) == []


def test_a_variable_that_shadows_is_taken_away(
    venv: Venv, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trees.put_cudnn(tmp_path / "old", (9, 1, 0))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path / "old"))
    one = next(one for one in found(capsys, "--prefix", venv.prefix) if one["name"] == "shadowed")
    (variable,) = re.findall(r"\(unset (\w+)\)", one["remedy"])
    monkeypatch.delenv(variable)
    assert found(capsys, "--prefix", venv.prefix) == []


@pytest.fixture
def debian(tmp_path: Path, nvidia: Nvidia) -> AptRoot:
    """A root with NVIDIA's packages, installed by apt-get."""
    root = AptRoot(tmp_path / "root")
    root.add_source(nvidia.apt_url, nvidia.key_file)
    root.update()
    root.install(f"libcudnn8={DEB}", f"libcudnn8-dev={DEB}")
    return root


@pytest.mark.skipif(os.geteuid() != 0, reason="ldconfig -r needs root")
def test_apt_get_and_ldconfig_mend_what_doctor_finds(debian: AptRoot, capsys: pytest.CaptureFixture[str]) -> None:
    (debian.path / "etc/ld.so.conf").write_text(f"/usr/lib/{trees.TRIPLET}\n")
    before = found(capsys, "--root", debian.path)
    (library,) = debian.path.glob("usr/lib/*/libcudnn_cnn_infer.so.8.0.5")
    library.write_bytes(library.read_bytes() + b"\0")
    (one,) = [one for one in found(capsys, "--root", debian.path) if one["name"] == "changed-file"]
    assert one["remedy"] == "apt-get install --reinstall libcudnn8"
    debian.apt_get(*shlex.split(one["remedy"])[1:], "-y")
    assert found(capsys, "--root", debian.path) == before
    run("/sbin/ldconfig", "-r", debian.path)
    for one_name in debian.path.glob("usr/lib/*/libcudnn_adv_infer.so*"):
        one_name.unlink()
    names = {each["name"]: each["remedy"] for each in found(capsys, "--root", debian.path)}
    assert names["stale-cache"] == "run ldconfig as root"
    debian.apt_get(*shlex.split(names["missing-file"])[1:], "-y")
    run("/sbin/ldconfig", "-r", debian.path)
    assert not {"stale-cache", "missing-file"} & {each["name"] for each in found(capsys, "--root", debian.path)}


def test_apt_get_brings_headers_of_the_runtimes_version(debian: AptRoot, capsys: pytest.CaptureFixture[str]) -> None:
    debian.apt_get("install", "-y", "--allow-downgrades", f"libcudnn8={OLDER}", f"libcudnn8-dev={OLDER}")
    before = {one["name"] for one in found(capsys, "--root", debian.path)}
    (header,) = debian.path.glob("usr/include/*/cudnn_version_v8.h")
    header.write_text(header.read_text().replace("PATCHLEVEL", "PATCHLEVEL 9 //"))
    names = {one["name"]: one["remedy"] for one in found(capsys, "--root", debian.path)}
    assert names.keys() - before == {"header-mismatch", "changed-file"}
    debian.apt_get(*shlex.split(names["header-mismatch"])[1:], "-y")
    assert {one["name"] for one in found(capsys, "--root", debian.path)} == before


def test_dnf_mends_what_doctor_finds(rhel: Rhel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = DnfRoot(tmp_path / "dnf")
    root.add_repo("cuda", rhel.url, rhel.key_file)
    root.provide("libc.so.6()(64bit)")
    root.install("libcudnn8-8.0.5.39-1.cuda11.1")
    (part,) = root.file("/usr/lib64").glob("libcudnn_cnn_infer.so.8.0.5")
    top = root.file("/")
    (database,) = top.rglob("rpmdb.sqlite")  # Debian's rpm has it in the home; Red Hat's in /var/lib/rpm
    (top / "var/lib").mkdir(parents=True, exist_ok=True)
    (top / "var/lib/rpm").symlink_to(f"/{database.parent.relative_to(top)}")
    before = found(capsys, "--root", top)
    part.write_bytes(part.read_bytes() + b"\0")
    (one,) = [one for one in found(capsys, "--root", top) if one["name"] == "changed-file"]
    assert one["what"].startswith("rpm libcudnn8 8.0.5.39-1.cuda11.1: changed since installation")
    assert one["remedy"] == "dnf reinstall libcudnn8"
    root.dnf(*shlex.split(one["remedy"])[1:])
    assert found(capsys, "--root", top) == before


@pytest.fixture
def channel(tmp_path: Path) -> str:
    """A channel with a libcudnn, and what it needs as empty packages."""
    files = tmp_path / "files"
    trees.put_cudnn(files / "lib")
    trees.put_cuda(files / "lib")
    trees.put_header(files / "include")
    return conda_env.channel_of(tmp_path / "channel", "libcudnn", "9.10.2.21", files).as_uri()


@pytest.mark.xdist_group("conda")  # beside the other tests of the real conda, which is made once a worker
def test_conda_mends_what_doctor_finds(
    real_conda: Conda, channel: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conda, prefix = real_conda.of(tmp_path / "user"), tmp_path / "env"
    options = ("-p", prefix, "-c", channel, "--override-channels")
    conda.run("create", *options, "libcudnn")
    assert found(capsys, "--prefix", prefix) == []
    part = prefix / "lib/libcudnn_cnn.so.9.10.2"
    part.unlink()
    part.write_bytes(trees.library("libcudnn_cnn.so.9", (9, 1, 0), ("libz.so.1",), "$ORIGIN"))
    (prefix / "lib/libcudnn_adv.so.9.10.2").unlink()
    remedies = {one["remedy"] for one in found(capsys, "--prefix", prefix)}
    assert remedies == {"conda install --force-reinstall libcudnn=9.10.2.21"}
    conda.run(*shlex.split(remedies.pop())[1:], *options)
    assert found(capsys, "--prefix", prefix) == []

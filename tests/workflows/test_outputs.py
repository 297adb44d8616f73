"""Every part of a release becomes its packages, and the real installers put them where they belong."""

from __future__ import annotations

import io
import json
import lzma
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from simulator.cross import cross_deb
from simulator.cudnn import CudnnRelease, licence, parts, write_archive
from simulator.debs import write_deb
from simulator.process import run
from simulator.project import DOWNLOADS, Project
from simulator.samples import write_samples
from simulator.windows import write_zip
from tests.clients import conda_env, wine
from tests.clients.python_env import PythonEnv

from simulator import cudnn

NINE = CudnnRelease("9.12.0.46", "12")
ARM = CudnnRelease("8.0.5.39", "11.1", "aarch64")
PPC = CudnnRelease("8.0.5.39", "11.1", "ppc64le")
WIN_8 = CudnnRelease("8.9.7.29", "12")
JIT = ("libcudnn", "libcudnn_graph", "libcudnn_engines_runtime_compiled")


def aarch64_library(soname: str, folder: Path) -> bytes:
    """A library that an aarch64 machine really loads."""
    source = folder / "in.c"
    source.write_text(f"unsigned long cudnnGetVersion(void) {{ return {ARM.number}UL; }}\n")
    argv = ["-shared", "-fPIC", "-nostdlib", f"-Wl,-soname,{soname}", "-o", str(folder / "out.so"), str(source)]
    run("aarch64-linux-gnu-gcc", *argv)
    return (folder / "out.so").read_bytes()


def write_tar(path: Path, files: dict[str, bytes | str], pack: Any) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    path.write_bytes(pack(out.getvalue()))


def write_arm(folder: Path, scratch: Path) -> None:
    """The tgz for SBSA, its libraries made by the cross compiler."""
    files = dict(cudnn.members(ARM))
    for name, content in files.items():
        if isinstance(content, bytes) and ".so." in name:
            files[name] = aarch64_library(f"{name.rpartition('/')[2].partition('.so')[0]}.so.8", scratch)
    write_tar(folder / ARM.archive_name, files, cudnn.gzip.compress)


def write_jit(folder: Path) -> None:
    """``cudnn_jit-…``: three libraries of the full set, and the headers."""
    name = NINE.archive_folder.replace("cudnn-", "cudnn_jit-")
    kept = {
        path.replace(NINE.archive_folder, name): content
        for path, content in cudnn.members(NINE)
        if "/lib/" not in path or path.rpartition("/")[2].partition(".so")[0] in JIT
    }
    write_tar(folder / f"{name}.tar.xz", kept, lzma.compress)


@pytest.fixture(scope="module")
def made(site_key_master: Any, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A site with everything that can be made of one folder of downloads."""
    home, key = site_key_master
    base = tmp_path_factory.mktemp("outputs")
    downloads = base / "downloads"
    downloads.mkdir()
    write_archive(NINE, downloads)
    write_jit(downloads)
    write_samples(NINE, downloads)
    write_arm(downloads, base)
    write_archive(PPC, downloads)
    for release in (NINE, WIN_8):
        write_zip(release, downloads)
    for target in ("aarch64", "qnx"):
        deb = cross_deb(CudnnRelease("9.12.0.46", "12", "aarch64"), target)
        deb.files[f"/usr/share/doc/{deb.fields['Package']}/copyright"] = licence(NINE)
        write_deb(deb, downloads)
    project = Project(base / "project", key=key.fingerprint, gnupg=home.path).init()
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(downloads))
    static = ["conda", "wheel", "static"]
    project.add("pin", upstream=DOWNLOADS, packages=["cudnn-*x86_64-9*"], recipe="cudnn", outputs=static)
    others = ["cudnn_*", "cudnn-11.1-*", "cudnn-windows-*-8*", "*.deb"]
    project.add("pin", upstream=DOWNLOADS, packages=others, recipe="cudnn")
    project.accept_eula(licence(NINE), licence(ARM), licence(WIN_8))
    project.publish()
    return project


def names(project: Project, subdir: str) -> set[str]:
    found = (project.site / "conda/main" / subdir).glob("*.conda")
    return {one.name.rpartition("-")[0].rpartition("-")[0] for one in found}


def test_each_platform_has_its_packages(made: Project) -> None:
    split = {"cudnn", "libcudnn", "libcudnn-dev", "libcudnn-static"}
    jit = {"cudnn-jit", "libcudnn-jit", "libcudnn-jit-dev"}
    cross = {"cudnn-cross-linux-aarch64", "cudnn-cross-qnx"}
    assert names(made, "linux-64") == split | jit | cross
    assert names(made, "win-64") == split
    assert names(made, "linux-aarch64") == names(made, "linux-ppc64le") == {"cudnn"}
    assert names(made, "noarch") == {"cudnn-samples"}


def install(made: Project, spec: str, prefix: Path, platform: str = "linux-64") -> list[str]:
    """What py-rattler puts into an environment for that platform: solved, installed, listed."""
    channels = [
        (made.site / "conda/main").as_uri(),
        conda_env.standin_channel(prefix.parent / "forge", platform).as_uri(),
    ]
    conda_env.create(channels, [spec], prefix, platform=platform, cuda="12.9")
    files = (str(one.relative_to(prefix)) for one in prefix.rglob("*") if not one.is_dir())
    return sorted(one for one in files if not one.startswith(("conda-meta/", "CACHEDIR")) and "cublas" not in one)


@pytest.mark.parametrize(("release", "count"), [(NINE, 8), (WIN_8, 7)], ids=str)
def test_windows_has_dlls_headers_and_import_libraries(
    made: Project, release: CudnnRelease, count: int, tmp_path: Path
) -> None:
    files = install(made, f"cudnn={release.version}", tmp_path / "env", "win-64")
    assert f"Library/bin/cudnn64_{release.major}.dll" in files
    assert {"Library/include/cudnn.h", "Library/lib/cudnn.lib", f"Library/lib/cudnn64_{release.major}.lib"} <= set(
        files
    )
    assert sum(one.endswith(".dll") for one in files) == count
    assert not [one for one in files if "static" in one or not one.startswith("Library/")]


def test_static_archives_are_a_package_of_their_own(made: Project, tmp_path: Path) -> None:
    files = install(made, "libcudnn-static", tmp_path / "env")
    assert "include/cudnn.h" in files
    static = [one for one in files if one.endswith(".a")]
    assert len(static) == 2 * len(parts(NINE).statics)
    assert (tmp_path / "env/lib/libcudnn_ops_static_v9.a").resolve().name == "libcudnn_ops_static.a"


def test_samples_are_for_every_platform(made: Project, tmp_path: Path) -> None:
    files = install(made, "cudnn-samples", tmp_path / "env", "linux-aarch64")
    assert "share/cudnn/samples/mnistCUDNN/Makefile" in files


def test_the_jit_set_excludes_the_full_one(made: Project, tmp_path: Path) -> None:
    files = install(made, "cudnn-jit", tmp_path / "env")
    assert {one for one in files if one.endswith(".so.9.12.0")} == {f"lib/{stem}.so.9.12.0" for stem in JIT}
    with pytest.raises(Exception, match="cudnn"):
        conda_env.solve(
            [(made.site / "conda/main").as_uri(), (tmp_path / "forge").as_uri()],
            ["cudnn-jit", "libcudnn"],
            tmp_path / "cache",
            cuda="12.9",
        )


@pytest.mark.parametrize(("name", "folder"), [("linux-aarch64", "aarch64-linux"), ("qnx", "aarch64-qnx")])
def test_cross_packages_go_where_cross_compilers_look(made: Project, name: str, folder: str, tmp_path: Path) -> None:
    files = install(made, f"cudnn-cross-{name}", tmp_path / "env")
    assert {f"targets/{folder}/include/cudnn.h", f"targets/{folder}/lib/libcudnn.so.9.12.0"} <= set(files)
    assert (tmp_path / f"env/targets/{folder}/lib/libcudnn.so").resolve().name == "libcudnn.so.9.12.0"


_LOADER = r"""
#include <dlfcn.h>
#include <stdio.h>
int main(int n, char **a) {
  void *h = dlopen(a[1], RTLD_NOW);
  if (!h) { puts(dlerror()); return 1; }
  printf("%lu\n", ((unsigned long (*)(void))dlsym(h, "cudnnGetVersion"))());
  return 0;
}
"""


def loaded_by_qemu(library: Path, scratch: Path) -> str:
    """What an aarch64 program says that loads the library."""
    (scratch / "load.c").write_text(_LOADER)
    run("aarch64-linux-gnu-gcc", "-o", str(scratch / "load"), str(scratch / "load.c"))
    argv = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu", str(scratch / "load"), str(library)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def test_aarch64_is_installed_and_loaded_by_conda_and_pip(made: Project, tmp_path: Path) -> None:
    install(made, "cudnn", tmp_path / "env", "linux-aarch64")
    assert loaded_by_qemu(tmp_path / "env/lib/libcudnn.so.8", tmp_path) == "8005"
    env = PythonEnv(tmp_path / "venv")
    platform = ("--platform", "manylinux_2_17_aarch64", "--only-binary", ":all:", "--no-deps")
    target = tmp_path / "target"
    index = (made.site / "simple").as_uri() + "/"
    env.pip_install(index, "nvidia-cudnn-cu11==8.0.5.39", options=(*platform, "--target", str(target)))
    assert loaded_by_qemu(target / "nvidia/cudnn/lib/libcudnn.so.8", tmp_path) == "8005"


def test_pip_installs_the_windows_wheel(made: Project, tmp_path: Path) -> None:
    env = PythonEnv(tmp_path / "venv")
    index = (made.site / "simple").as_uri() + "/"
    options = ("--platform", "win_amd64", "--only-binary", ":all:", "--no-deps", "--target", str(tmp_path / "target"))
    env.pip_install(index, "nvidia-cudnn-cu12==8.9.7.29", options=options)
    root = tmp_path / "target/nvidia/cudnn"
    assert {one.name for one in root.iterdir()} == {"bin", "include", "lib"}
    assert (root / "bin/cudnn64_8.dll").is_file()
    assert (root / "lib/x64/cudnn.lib").is_file()


@pytest.mark.slow
@pytest.mark.skipif(not wine.WINE, reason="wine is not installed (Debian: wine64)")
def test_windows_loads_what_conda_and_pip_install(made: Project, tmp_path: Path) -> None:
    """Each DLL needs others of the release: that they are loaded tells that all lie where Windows looks."""
    install(made, "cudnn=9.12.0.46", tmp_path / "nine", "win-64")
    assert wine.load(tmp_path / "nine/Library/bin", tmp_path) == "91200"
    install(made, "cudnn=8.9.7.29", tmp_path / "eight", "win-64")
    assert wine.load(tmp_path / "eight/Library/bin", tmp_path) == "8907"
    env, target = PythonEnv(tmp_path / "venv"), tmp_path / "target"
    options = ("--platform", "win_amd64", "--only-binary", ":all:", "--no-deps", "--target", str(target))
    env.pip_install((made.site / "simple").as_uri() + "/", "nvidia-cudnn-cu12==8.9.7.29", options=options)
    assert wine.load(target / "nvidia/cudnn/bin", tmp_path) == "8907"


def test_every_wheel_is_what_twine_and_auditwheel_expect(made: Project, tmp_path: Path) -> None:
    wheels = sorted((made.site / "wheels").glob("*.whl"))
    assert {one.name.rpartition("-")[2] for one in wheels} >= {"win_amd64.whl", "manylinux_2_27_x86_64.whl"}
    import sys

    run(sys.executable, "-m", "twine", "check", "--strict", *map(str, wheels))
    (linux,) = [one for one in wheels if one.name.endswith("manylinux_2_27_x86_64.whl")]
    said = run(sys.executable, "-m", "auditwheel", "show", str(linux), check=False)
    assert "manylinux_2_27_x86_64" in said.stdout + said.stderr


def test_every_file_of_every_package_leads_back(made: Project) -> None:
    packages = [str(one) for one in made.site.rglob("*") if one.suffix in (".conda", ".whl")]
    found = made.run("verify", "--json", *packages).json
    assert len(found) == len(packages) > 15
    assert [one["faults"] for one in found] == [[]] * len(found)


def test_payloads_of_artifacts_and_packages_are_compared(made: Project, tmp_path: Path) -> None:
    downloads = made.base.parent / "downloads"
    archive = downloads / NINE.archive_name
    conda = sorted((made.site / "conda/main/linux-64").glob("libcudnn*-9.12*.conda"))
    full = ",".join(str(one) for one in conda if "jit" not in one.name)
    assert made.run("diff", "--payload", "--json", str(archive), full).json["files"] == []
    (wheel,) = (made.site / "wheels").glob("nvidia_cudnn_cu12-9*x86_64.whl")
    found = made.run("diff", "--payload", "--json", str(archive), str(wheel)).json
    assert {one["kind"] for one in found["files"]} == {"went"}, "wheels have no static archives"
    assert all("static" in one["path"] for one in found["files"])
    jit = downloads / f"{NINE.archive_folder.replace('cudnn-', 'cudnn_jit-')}.tar.xz"
    said = made.run("diff", "--payload", str(jit), str(archive)).out
    assert "+ lib/libcudnn_ops.so.9.12.0 " in said
    other = made.run(
        "diff", "--payload", "--json", str(archive), str(write_archive(CudnnRelease("9.12.0.46", "13"), tmp_path))
    ).json
    assert {one["kind"] for one in other["files"]} == {"changed"}
    made.fail(3, "diff", "--payload", str(archive), "nothing.tgz")
    (tmp_path / "a.tgz").write_bytes(b"")
    assert (
        "does not say which release" in made.fail(3, "diff", "--payload", str(archive), str(tmp_path / "a.tgz")).error
    )
    assert "use --payload" in made.fail(3, "diff", "a", "b").hint


def test_drop_in_differences_are_told_by_field(made: Project, tmp_path: Path) -> None:
    ours = made.site / "conda/main/linux-64"
    same = made.run("diff", "--json", "--dropin", str(ours / "repodata.json")).json
    assert (same["differences"], same["unknown"]) == ([], [])
    assert len(same["compared"]) == len(list(ours.glob("*.conda")))
    document = json.loads((ours / "repodata.json").read_text())
    (name,) = [one for one in document["packages.conda"] if one.startswith("libcudnn-9")]
    record = document["packages.conda"][name]
    record["depends"] = [*(one for one in record["depends"] if "libcublas" not in one), "libcurand"]
    del document["packages.conda"][next(one for one in document["packages.conda"] if one.startswith("cudnn-9"))]
    (tmp_path / "repodata.json").write_text(json.dumps(document))
    found = made.run("diff", "--json", "--dropin", str(tmp_path / "repodata.json")).json
    (depends, lone) = found["differences"]
    assert (depends["field"], depends["lacking"], depends["more"]) == ("depends", ["libcurand"], ["libcublas"])
    assert (lone["field"], lone["more"]) == ("package", ["cudnn"])
    assert found["unknown"] == ["run_exports", "files"]
    (tmp_path / "bad.json").write_text("[]")
    made.fail(10, "diff", "--dropin", str(tmp_path / "bad.json"))


def test_payloads_for_other_tools_lie_side_by_side(made: Project, tmp_path: Path) -> None:
    folders = made.run("repackage", "--json", "--payloads", str(tmp_path / "payloads")).json
    assert len(set(folders)) == len(folders) == len(list((tmp_path / "payloads").iterdir())) > 8
    assert all((Path(one) / "LICENSE").is_file() for one in folders)

"""Stock rattler-build makes cudepot's own packages of a release as NVIDIA ships it, whatever the form; no cudepot runs.

What is built is held against what cudepot packs of the same files: names with their hash, metadata, bytes, modes.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import zstandard
from simulator.cudnn import CudnnRelease, write_archive
from simulator.debs import write_debs
from simulator.rpms import cudnn_rpms, samples_rpm, write_rpm
from simulator.wheels import write_cublas_wheel, write_wheel
from simulator.windows import write_zip
from tests.builders.test_same_as_rattler_build import BUILD, comparable, ours
from tests.clients.conda_env import standin_channel
from tests.formats.payloads import RECIPES, Objects, payload_of
from tests.kinds.conda.test_closed_channel import write_nvrtc_wheel

from cudepot.builders.render import render_recipe
from cudepot.digest import Digest
from cudepot.formats.conda_index import channel_files, read_package

EIGHT, NINE = CudnnRelease("8.0.5.39", "11.1"), CudnnRelease("9.12.0.46", "12")
Paths = list[Path]


def debs(release: CudnnRelease, folder: Path) -> Paths:
    return list(write_debs(release, folder))


def rpms(release: CudnnRelease, folder: Path) -> Paths:
    return [write_rpm(one, folder) for one in (*cudnn_rpms(release), samples_rpm(release))]


def one(write: Callable[[CudnnRelease, Path], Path]) -> Callable[[CudnnRelease, Path], Paths]:
    return lambda release, folder: [write(release, folder)]


def rattler_build(
    recipe: str, payload: Path, variant: Mapping[str, str | int], subdir: str, out: Path
) -> subprocess.CompletedProcess[str]:
    variants = "".join(f"{key}: ['{value}']\n" for key, value in variant.items())
    argv = [sys.executable, "-c", BUILD, str(RECIPES / recipe / "recipe.yaml"), variants, subdir, str(out)]
    env = {**os.environ, "CUDEPOT_PAYLOAD": str(payload)}
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=env)


def build(
    recipe: str, payload: Path, release: CudnnRelease, subdir: str, out: Path
) -> subprocess.CompletedProcess[str]:
    variant = {"cudnn_version": release.version, "cuda_version": release.cuda}
    return rattler_build(recipe, payload, variant, subdir, out)


def modes(package: bytes) -> dict[str, int]:
    """Mode of every file in the prefix; links have none of their own."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        (name,) = [each for each in archive.namelist() if each.startswith("pkg-")]
        plain = zstandard.ZstdDecompressor().decompressobj().decompress(archive.read(name))
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return {each.name: each.mode for each in tar if each.isreg()}


FORMS = [
    pytest.param("cudnn", EIGHT, one(write_archive), "linux-64", id="tgz"),
    pytest.param("cudnn", NINE, one(write_archive), "linux-64", id="tar.xz"),
    pytest.param("cudnn", EIGHT, debs, "linux-64", id="deb"),
    pytest.param("cudnn", NINE, debs, "linux-64", id="deb-9"),
    pytest.param("cudnn", EIGHT, rpms, "linux-64", id="rpm"),
    pytest.param("cudnn", NINE, one(write_wheel), "linux-64", id="wheel"),
    pytest.param("cudnn", NINE, one(write_zip), "win-64", id="zip"),
    pytest.param("cudnn-static", EIGHT, one(write_archive), "linux-64", id="tgz-static"),
    pytest.param("cudnn-static", EIGHT, debs, "linux-64", id="deb-static"),
]


@pytest.mark.parametrize(("recipe", "release", "write", "subdir"), FORMS)
def test_each_form_gives_cudepots_own_packages(
    recipe: str, release: CudnnRelease, write: Callable[[CudnnRelease, Path], Paths], subdir: str, tmp_path: Path
) -> None:
    (folder := tmp_path / "downloads").mkdir()
    artifacts = [path for path in write(release, folder) if "samples" not in path.name or path.suffix == ".rpm"]
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path not in artifacts:
            path.unlink()
    done = build(recipe, folder, release, subdir, tmp_path / "out")
    assert done.returncode == 0, done.stderr[-3000:]
    objects = Objects()
    payload = payload_of(artifacts, objects)
    mine = ours(recipe, payload, objects, {"cudnn_version": release.version, "cuda_version": release.cuda})
    theirs = {path.name: path.read_bytes() for path in (tmp_path / "out" / subdir).glob("*.conda")}
    assert theirs.keys() == mine.keys()
    for name, package in mine.items():
        assert comparable(theirs[name]) == comparable(package)
        assert modes(theirs[name]) == modes(package)


@pytest.mark.parametrize(
    ("recipe", "key", "version", "libraries"),
    [
        ("libcublas", "libcublas_version", "12.9.1.4", {"libcublas.so.12", "libcublasLt.so.12"}),
        ("cudatoolkit", "cudatoolkit_version", "12.9.0", {"libcublas.so.12", "libcublasLt.so.12"}),
        ("cuda-nvrtc", "cuda_nvrtc_version", "12.9.86", {"libnvrtc.so.12", "libnvrtc-builtins.so.12.9"}),
    ],
)
def test_cudas_wheels_are_taken_as_they_are(
    recipe: str, key: str, version: str, libraries: set[str], tmp_path: Path
) -> None:
    """With the variants that docs/packages.md lists; closed, as the packages of a closed channel are."""
    (folder := tmp_path / "downloads").mkdir()
    if recipe == "cuda-nvrtc":
        write_nvrtc_wheel("12", "12.9.86", folder)
    else:
        write_cublas_wheel("12", "12.9.1.4", folder)
    variant: dict[str, str | int] = {key: version, "cuda_version": "12.9", "closed_channel": "true"}
    (output,) = render_recipe(RECIPES / recipe / "recipe.yaml", variant, "linux-64")
    done = rattler_build(recipe, folder, variant, "linux-64", tmp_path / "out")
    assert done.returncode == 0, done.stderr[-3000:]
    (package,) = (tmp_path / "out/linux-64").glob("*.conda")
    assert package.name == f"{output.name}-{output.version}-{output.build_string}.conda"
    assert modes(package.read_bytes()) == {f"lib/{name}": 0o755 for name in libraries}
    assert comparable(package.read_bytes())["licence"]


def test_an_archive_may_be_named_itself_or_be_unpacked(tmp_path: Path) -> None:
    archive = write_archive(EIGHT, tmp_path)
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", tmp_path / "unpacked"], check=True)
    for payload in (archive, tmp_path / "unpacked"):
        done = build("cudnn", payload, EIGHT, "linux-64", tmp_path / f"out-{payload.name}")
        assert done.returncode == 0, done.stderr[-3000:]
        assert list((tmp_path / f"out-{payload.name}/linux-64").glob("cudnn-8.0.5.39-cuda11.1_h*.conda"))


def test_files_of_another_version_are_not_built(tmp_path: Path) -> None:
    (folder := tmp_path / "downloads").mkdir()
    write_archive(CudnnRelease("9.11.0.98", "12"), folder)
    assert build("cudnn", folder, NINE, "linux-64", tmp_path / "out").returncode != 0
    assert not list((tmp_path / "out").glob("linux-64/*.conda"))


def harm_header(folder: Path) -> None:
    for header in folder.rglob("cudnn_version*.h"):
        header.write_text(header.read_text().replace("CUDNN_MINOR 0", "CUDNN_MINOR 1"))


def lose(*globs: str) -> Callable[[Path], None]:
    def gone(folder: Path) -> None:
        for path in [path for glob in globs for path in folder.rglob(glob)]:
            path.unlink()

    return gone


@pytest.mark.parametrize(
    ("harm", "version", "told"),
    [
        (lose(), "8.0.4.30", "libcudnn.so.8.0.5 is not of cuDNN 8.0.4.30"),
        (harm_header, "8.0.5.39", "cudnn_version.h is not of cuDNN 8.0.5.39: CUDNN_MINOR differs"),
        (lose("*.h"), "8.0.5.39", "for debs and rpms give the development package as well"),
        (lose("*SLA*", "LICENSE*"), "8.0.5.39", "no licence text among the files"),
    ],
)
def test_what_cannot_be_laid_out_is_told(harm: Callable[[Path], None], version: str, told: str, tmp_path: Path) -> None:
    archive = write_archive(EIGHT, tmp_path)
    (folder := tmp_path / "work").mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    harm(folder)
    argv = ["bash", RECIPES / "cudnn/lay-out.sh", tmp_path / "prefix", version]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert told in done.stderr


@pytest.mark.parametrize(
    ("claimed", "real"),
    [
        (EIGHT, CudnnRelease("8.0.4.30", "11.1")),
        (NINE, CudnnRelease("9.11.0.98", "12")),
        (CudnnRelease("7.6.5.32", "10.2"), CudnnRelease("7.6.4.38", "10.2")),
    ],
    ids=str,
)
def test_the_stored_tests_see_another_versions_files(claimed: CudnnRelease, real: CudnnRelease, tmp_path: Path) -> None:
    """Each package of the wrong files, and for comparison of the right ones, is put through its own tests."""
    forge = standin_channel(tmp_path / "forge")
    for release, passes in ((claimed, True), (real, False)):
        base = tmp_path / release.version
        base.mkdir()
        objects = Objects()
        payload = payload_of([write_archive(release, base)], objects)
        variant = {"cudnn_version": claimed.version, "cuda_version": claimed.cuda}
        (channel := base / "channel/linux-64").mkdir(parents=True)
        indexed = []
        for name, data in ours("cudnn", payload, objects, variant).items():
            (channel / name).write_bytes(data)
            indexed.append(read_package(io.BytesIO(data), "linux-64", name, Digest.of(data)))
        for name, data in channel_files(indexed).items():
            (path := channel.parent / name).parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        for path in sorted(channel.glob("*.conda")):
            if not path.name.startswith("cudnn-9"):  # a package without files
                assert _passes(path, [channel.parent.as_uri(), forge.as_uri()], claimed.cuda, base) is passes, path.name


def _passes(package: Path, channels: list[str], cuda: str, home: Path) -> bool:
    code = (
        "import sys, rattler_build as rb\n"
        "found = rb.Package.from_file(sys.argv[1]).run_tests(channel=sys.argv[2:])\n"
        "print(all(one.success for one in found))"
    )
    argv = [sys.executable, "-c", code, str(package), *channels]
    env = {**os.environ, "CONDA_OVERRIDE_CUDA": f"{cuda}.0" if "." not in cuda else cuda, "HOME": str(home)}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
    return done.returncode == 0 and done.stdout.strip().endswith("True")

"""The same recipe on the same payload: what plain rattler-build packs and what we pack is the same package."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import zstandard
from simulator.cudnn import CudnnRelease, write_archive
from simulator.samples import write_samples
from simulator.windows import write_zip
from tests.clients.conda_env import standin_channel
from tests.formats.payloads import RECIPES, Objects, payload_of

from cudepot.builders.render import render_recipe
from cudepot.formats.conda import Zstd, conda_package, write_conda
from cudepot.formats.payload import Payload, PayloadFile, Role
from cudepot.formats.release import Release

BUILD = """
import json, sys
import rattler_build as rb
recipe, variants, subdir, out = sys.argv[1:]
platform = rb.PlatformConfig(target_platform=subdir, build_platform="linux-64", host_platform=subdir)
config = rb.VariantConfig.from_yaml(variants)
for one in rb.Stage0Recipe.from_file(recipe).render(config, rb.RenderConfig(platform=platform)):
    one.run_build(output_dir=out, channels=[], package_format="conda:1")
"""


def unpack(package: bytes) -> dict[str, bytes | str]:
    """Every member of both halves of a conda package: content of a file, target of a link."""
    found: dict[str, bytes | str] = {}
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        for name in archive.namelist():
            if name.endswith(".tar.zst"):
                plain = zstandard.ZstdDecompressor().decompressobj().decompress(archive.read(name))
                with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
                    for one in tar:
                        content = tar.extractfile(one) if one.isreg() else None
                        found[one.name] = content.read() if content else one.linkname
    return found


def built_by_rattler(
    recipe: str, payload: Payload, objects: Objects, variant: dict[str, str], folder: Path
) -> dict[str, bytes]:
    tree = folder / "payload"
    for file in payload.files:
        path = tree / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.digest:
            path.write_bytes(objects.contents[file.digest])
        else:
            path.symlink_to(file.link)
    variants = "".join(f"{key}: ['{value}']\n" for key, value in variant.items())
    platform = _platform(payload)
    args = [RECIPES / recipe / "recipe.yaml", variants, platform, folder / "out"]
    subprocess.run(
        [sys.executable, "-c", BUILD, *map(str, args)],
        check=True,
        capture_output=True,
        env={**os.environ, "CUDEPOT_PAYLOAD": str(tree)},
    )
    subdirs = [folder / "out" / one for one in (platform, "noarch")]
    return {path.name: path.read_bytes() for subdir in subdirs for path in subdir.glob("*.conda")}


def _platform(payload: Payload) -> str:
    return "linux-64" if payload.release.subdir == "noarch" else payload.release.subdir


def ours(recipe: str, payload: Payload, objects: Objects, variant: dict[str, str]) -> dict[str, bytes]:
    packages = {}
    for output in render_recipe(RECIPES / recipe / "recipe.yaml", variant, _platform(payload)):
        package, out = conda_package(output, payload), io.BytesIO()
        write_conda(out, package, objects.open, zstd=Zstd(1, 0), timestamp_ms=1)
        packages[package.filename] = out.getvalue()
    return packages


def comparable(package: bytes) -> dict[str, Any]:
    """What must be the same: everything but the time, the copied recipe, and what only we or they add."""
    members = unpack(package)
    info = {
        name: json.loads(members[f"info/{name}.json"])
        for name in ("index", "paths", "about", "run_exports", "hash_input")
        if f"info/{name}.json" in members
    }
    info["index"].pop("timestamp")
    info["about"].pop("extra", None)
    tests = members.get("info/tests/tests.yaml", b"")
    assert isinstance(tests, bytes)
    content = {name: data for name, data in members.items() if not name.startswith("info/")}
    return {**info, "content": content, "licence": members.get("info/licenses/LICENSE"), "commands": commands(tests)}


def commands(text: bytes) -> list[str]:
    """The commands of a tests.yaml, whichever of YAML's ways of writing a string is used."""
    lines = [line.strip().removeprefix("content: ").removeprefix("- ") for line in text.decode().splitlines()]
    plain = [json.loads(line) if line.startswith('"') else line for line in lines]
    return [line for line in plain if line and line not in ("script:", "[]")]


@pytest.mark.parametrize(
    ("release", "subdir"),
    [
        (CudnnRelease("8.0.5.39", "11.1"), "linux-64"),
        (CudnnRelease("8.9.7.29", "11", "aarch64"), "linux-aarch64"),
        (CudnnRelease("9.12.0.46", "13"), "linux-64"),
    ],
    ids=str,
)
def test_the_same_packages(release: CudnnRelease, subdir: str, tmp_path: Path) -> None:
    objects = Objects()
    payload = payload_of([write_archive(release, tmp_path)], objects)
    assert payload.release.subdir == subdir
    variant = {"cudnn_version": release.version, "cuda_version": release.cuda}
    theirs = built_by_rattler("cudnn", payload, objects, variant, tmp_path)
    mine = ours("cudnn", payload, objects, variant)
    assert set(mine) == set(theirs)
    assert len(mine) == (3 if release.version.startswith("9.12") else 1)
    for name, package in mine.items():
        assert comparable(package) == comparable(theirs[name])


NINE = CudnnRelease("9.12.0.46", "12")


def _windows(folder: Path, objects: Objects) -> Payload:
    return payload_of([write_zip(NINE, folder)], objects)


def _samples(folder: Path, objects: Objects) -> Payload:
    return payload_of([write_samples(NINE, folder)], objects)


def _full(folder: Path, objects: Objects, part: str = "", release: CudnnRelease = NINE, cuda: str = "") -> Payload:
    payload = payload_of([write_archive(release, folder)], objects)
    return replace(payload, release=replace(payload.release, part=part, cuda=cuda or payload.release.cuda))


def _cublas(folder: Path, objects: Objects) -> Payload:
    """The cuBLAS wheel's libraries under the names they have there."""
    files = [PayloadFile(f"lib/{n}.so.12", Role.RUNTIME, objects.add(n.encode())) for n in ("libcublas", "libcublasLt")]
    licence = PayloadFile("LICENSE", Role.LICENCE, objects.add(b"stand-in"))
    return Payload(Release("libcublas", "12.9.1.4", "12.9", "linux-64"), (licence, *files))


@pytest.mark.parametrize(
    ("recipe", "make", "more", "names"),
    [
        ("cudnn", _windows, {}, {"cudnn", "libcudnn", "libcudnn-dev"}),
        ("cudnn", _full, {"closed_channel": "true"}, {"cudnn", "libcudnn", "libcudnn-dev"}),
        ("cudnn-static", _full, {}, {"libcudnn-static"}),
        ("cudnn-static", _windows, {}, {"libcudnn-static"}),
        ("cudnn-static", partial(_full, release=CudnnRelease("7.6.5.32", "10.2")), {}, {"libcudnn-static"}),
        ("cudnn-static", partial(_full, release=CudnnRelease("8.0.5.39", "11.1")), {}, {"libcudnn-static"}),
        ("cudnn-static", partial(_full, cuda="12.9"), {}, {"libcudnn-static"}),
        ("cudnn", partial(_full, cuda="12.9"), {}, {"cudnn", "libcudnn", "libcudnn-dev"}),
        ("cudnn-jit", partial(_full, part="jit", cuda="12.9"), {}, {"cudnn-jit", "libcudnn-jit", "libcudnn-jit-dev"}),
        ("cudnn-samples", _samples, {}, {"cudnn-samples"}),
        ("cudnn-jit", partial(_full, part="jit"), {}, {"cudnn-jit", "libcudnn-jit", "libcudnn-jit-dev"}),
        ("cudnn-cross", partial(_full, part="cross-qnx"), {"cross_target": "qnx"}, {"cudnn-cross-qnx"}),
        ("libcublas", _cublas, {}, {"libcublas"}),
        ("cuda-version", _cublas, {}, {"cuda-version"}),
    ],
)
def test_every_recipe_gives_the_same_packages(
    recipe: str,
    make: Callable[[Path, Objects], Payload],
    more: dict[str, str],
    names: set[str],
    tmp_path: Path,
) -> None:
    objects = Objects()
    payload = make(tmp_path, objects)
    one = payload.release
    variant = {f"{one.product}_version": one.version} | ({"cuda_version": one.cuda} if one.cuda else {}) | more
    if recipe == "cuda-version":
        payload = replace(payload, files=())
    theirs = built_by_rattler(recipe, payload, objects, variant, tmp_path)
    mine = ours(recipe, payload, objects, variant)
    assert set(mine) == set(theirs)
    assert {one.rpartition("-")[0].rpartition("-")[0] for one in mine} == names
    for name, package in mine.items():
        assert comparable(package) == comparable(theirs[name])


def test_the_stored_tests_are_run_by_rattler_build(tmp_path: Path) -> None:
    """``rattler_build.Package.run_tests`` installs a package of ours from a channel and runs what is stored in it."""
    objects = Objects()
    payload = payload_of([write_archive(CudnnRelease("8.0.5.39", "11.1"), tmp_path)], objects)
    variant = {"cudnn_version": "8.0.5.39", "cuda_version": "11.1", "closed_channel": "true"}
    (channel := tmp_path / "channel/linux-64").mkdir(parents=True)
    for name, data in ours("cudnn", payload, objects, variant).items():
        (channel / name).write_bytes(data)
    forge = standin_channel(tmp_path / "forge")
    code = (
        "import sys, rattler_build as rb\n"
        "found = rb.Package.from_file(sys.argv[1]).run_tests(channel=sys.argv[2:])\n"
        "print([one.success for one in found])"
    )
    (package,) = channel.glob("*.conda")
    argv = [sys.executable, "-c", code, str(package), forge.as_uri()]
    env = {**os.environ, "CONDA_OVERRIDE_CUDA": "11.1", "HOME": str(tmp_path)}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().splitlines()[-1] == "[True]"

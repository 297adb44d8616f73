"""The same recipe on the same payload: what plain rattler-build packs and what we pack is the same package."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import zstandard
from tests.formats.payloads import RECIPES, Objects, payload_of
from tests.upstream.cudnn import CudnnRelease, write_archive

from cudepot.builders.render import render_recipe
from cudepot.formats.conda import Zstd, conda_package, write_conda
from cudepot.formats.payload import Payload

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


def built_by_rattler(payload: Payload, objects: Objects, variant: dict[str, str], folder: Path) -> dict[str, bytes]:
    tree = folder / "payload"
    for file in payload.files:
        path = tree / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.digest:
            path.write_bytes(objects.contents[file.digest])
        else:
            path.symlink_to(file.link)
    variants = "".join(f"{key}: ['{value}']\n" for key, value in variant.items())
    args = [RECIPES / "cudnn/recipe.yaml", variants, payload.release.subdir, folder / "out"]
    subprocess.run(
        [sys.executable, "-c", BUILD, *map(str, args)],
        check=True,
        capture_output=True,
        env={**os.environ, "CUDEPOT_PAYLOAD": str(tree)},
    )
    return {path.name: path.read_bytes() for path in (folder / "out" / payload.release.subdir).glob("*.conda")}


def ours(payload: Payload, objects: Objects, variant: dict[str, str]) -> dict[str, bytes]:
    packages = {}
    for output in render_recipe(RECIPES / "cudnn/recipe.yaml", variant, payload.release.subdir):
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
    return {**info, "content": content, "licence": members["info/licenses/LICENSE"], "commands": commands(tests)}


def commands(text: bytes) -> list[str]:
    """The commands of a tests.yaml, whichever of YAML's ways of writing a string is used."""
    lines = [line.strip().removeprefix("content: ").removeprefix("- ") for line in text.decode().splitlines()]
    plain = [json.loads(line) if line.startswith('"') else line for line in lines]
    return [line for line in plain if line and line != "script:"]


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
    theirs = built_by_rattler(payload, objects, variant, tmp_path)
    mine = ours(payload, objects, variant)
    assert set(mine) == set(theirs)
    assert len(mine) == (3 if release.version.startswith("9.12") else 1)
    for name, package in mine.items():
        assert comparable(package) == comparable(theirs[name])

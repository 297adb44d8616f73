"""A recipe of somebody else's that needs our cuDNN for one CUDA, as docs/packages.md has it, in stock rattler-build."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import rattler
from simulator.cudnn import CudnnRelease, write_archive
from tests.builders.test_same_as_rattler_build import BUILD, ours, unpack
from tests.clients.conda_env import standin_channel
from tests.formats.payloads import Objects, payload_of

from cudepot.digest import Digest
from cudepot.formats.conda_index import channel_files, read_package

PAGE = Path(__file__).parent.parent.parent / "docs/packages.md"
RECIPE = """\
schema_version: 1
package: { name: app, version: "1" }
build: { script: ["mkdir -p $PREFIX/share && cp $PREFIX/include/cudnn.h $PREFIX/share/app.h"] }
requirements:
  host:
    - SPEC
  run:
    - SPEC
"""


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """cuDNN 8.0.5.39 for CUDA 10.2 and 11.1."""
    base = tmp_path_factory.mktemp("consumer")
    found = []
    for cuda in ("10.2", "11.1"):
        objects, release = Objects(), CudnnRelease("8.0.5.39", cuda)
        payload = payload_of([write_archive(release, base)], objects)
        packages = ours("cudnn", payload, objects, {"cudnn_version": release.version, "cuda_version": cuda})
        for name, data in packages.items():
            path = base / "channel/linux-64" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            with path.open("rb") as handle:
                found.append(read_package(handle, "linux-64", name, Digest.of(data)))
    for name, data in channel_files(found).items():
        path = base / "channel" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return base / "channel"


def documented() -> dict[str, str]:
    """The specs of the table, by where they are written."""
    rows = re.findall(r"^ *\| (.+) \| `(.*)` \|$", PAGE.read_text(), re.MULTILINE)
    return {where: spec for where, spec in rows if "cuda11.1_*" in spec}


def test_rattler_build_takes_the_spec(channel: Path, tmp_path: Path) -> None:
    spec = documented()["`recipe.yaml` of rattler-build or conda-build"]
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("SPEC", spec))
    channels = [channel.as_uri(), standin_channel(tmp_path / "forge").as_uri()]
    code = BUILD.replace("channels=[]", f"channels={channels}")
    argv = [sys.executable, "-c", code, str(tmp_path / "recipe.yaml"), "{}", "linux-64", str(tmp_path / "out")]
    env = {**os.environ, "CONDA_OVERRIDE_CUDA": "11.1", "HOME": str(tmp_path)}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    (package,) = (tmp_path / "out/linux-64").glob("app-1-*.conda")
    members = unpack(package.read_bytes())
    depends = json.loads(members["info/index.json"])["depends"]
    assert "cudnn >=8.0.5.39,<9.0a0" in depends
    assert "cudnn 8.0.5.39.* cuda11.1_*" in depends
    assert b"CUDNN" in members["share/app.h"] or b"cudnn" in members["share/app.h"]  # type: ignore[operator]


@pytest.mark.parametrize("where", ["`meta.yaml` of conda-build", "command line of conda, mamba, micromamba"])
def test_the_other_specs_choose_that_build(channel: Path, where: str) -> None:
    spec = rattler.MatchSpec(documented()[where].strip("'"), strict=False)
    found = asyncio.run(_builds(channel))
    assert [str(one.build) for one in found if spec.matches(one)] == [
        str(one.build) for one in found if str(one.build).startswith("cuda11.1_h")
    ]
    assert len(found) == 2


async def _builds(channel: Path) -> list[rattler.PackageRecord]:
    data = rattler.RepoData.from_path(channel / "linux-64/repodata.json")
    return list(data.into_repo_data(rattler.Channel("https://x.invalid/c")))

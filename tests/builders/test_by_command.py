"""The recipes built as a person does it: with an artifact in a folder, by the commands of docs/packages.md, in a shell.

rattler-build itself does it where it is installed, else py-rattler-build, which has all of it but the command. What
comes out is held against the packages that cudepot has made of the same files, and installed.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from simulator.cudnn import CudnnRelease, write_archive
from simulator.process import ToolError, clean_env, run
from simulator.project import Project
from tests.builders.test_same_as_rattler_build import comparable, ours
from tests.clients import conda_env
from tests.clients.conda_env import standin_channel
from tests.clients.python_env import load_cudnn
from tests.formats.payloads import RECIPES, Objects, payload_of
from tests.kinds.conda.test_closed_channel import closed, downloads  # noqa: F401 - fixtures

TOP = RECIPES.parent
PAGE = TOP / "docs/packages.md"
RELEASE = CudnnRelease("8.0.5.39", "11.1")
ARCHIVE = "cudnn-11.1-linux-x64-v8.0.5.39.tgz"
pytestmark = [pytest.mark.tools, pytest.mark.xdist_group("rattler-build")]


class Desk:
    """A folder with the recipes, and a shell in which there is a program `rattler-build`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("recipes", "channel-config"):
            shutil.copytree(TOP / name, folder / name)
        (folder / "bin").mkdir()
        if not shutil.which("rattler-build"):
            shutil.copyfile(TOP / "tests/clients/rattler_build_cli.py", folder / "bin/cli.py")
            (program := folder / "bin/rattler-build").write_text(
                f'#!/bin/sh\nexec {sys.executable} {folder}/bin/cli.py "$@"\n'
            )
            program.chmod(0o755)

    def use(self, channel: Path) -> None:
        """Set the channel that rattler-build asks where none is given."""
        (self.folder / "home/.config/rattler").mkdir(parents=True)
        config = self.folder / "home/.config/rattler/config.toml"
        config.write_text(f'default-channels = ["{channel.as_uri()}"]\n')

    def type_in(self, text: str) -> None:
        """Run commands; no variable of this process but PATH reaches them."""
        place = clean_env(HOME=str(self.folder / "home"), CONDA_OVERRIDE_CUDA="13.0")
        path = f"{self.folder}/bin:{place['PATH']}"
        run("bash", "-ec", text, env=place | {"PATH": path}, cwd=self.folder)

    def built(self) -> dict[str, bytes]:
        """Return what has been built."""
        return {path.name: path.read_bytes() for path in (self.folder / "output").glob("*/*.conda")}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def documented(word: str) -> str:
    """Return the commands of the block of docs/packages.md that has such a word, less those of conda-build."""
    (block,) = (one for text in PAGE.read_text().split("```sh\n")[1:] if word in (one := text.split("```")[0]))
    return "".join(line for line in block.splitlines(keepends=True) if " conda build " not in line)


def same(theirs: bytes, mine: bytes, channel: Path) -> None:
    """Hold that two packages differ in nothing but the time, and the channels that were at hand."""
    found, wanted = comparable(theirs), comparable(mine)
    assert found["about"].pop("channels") == [f"{channel.as_uri()}/"]
    assert found == wanted


def test_cudnn_is_built_and_tested_by_the_documented_commands(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its stored tests run as well: the channel has what it depends on."""
    forge = standin_channel(tmp_path_factory.mktemp("forge") / "c")
    desk.use(forge)
    archive = write_archive(RELEASE, desk.folder)
    assert archive.name == ARCHIVE
    desk.type_in(documented("variants.yaml recipes/cudnn"))
    objects = Objects()
    variant: dict[str, Any] = {"cudnn_version": "8.0.5.39", "cuda_version": "11.1", "build_number": 0}
    mine, theirs = ours("cudnn", payload_of([archive], objects), objects, variant), desk.built()
    assert theirs.keys() == mine.keys()
    for name, package in mine.items():
        same(theirs[name], package, forge)


RECIPE_VARIANTS = [
    ("cudnn", {"cudnn_version": "9.12.0.46", "cuda_version": "13"}, "cudnn-*9.12*"),
    ("libcublas", {"libcublas_version": "12.9.1.4", "cuda_version": "12.9"}, "nvidia_cublas_cu12-*"),
    ("cudatoolkit", {"cudatoolkit_version": "11.11.3.6", "cuda_version": "11.8"}, "nvidia_cublas_cu11-*"),
    ("cuda-nvrtc", {"cuda_nvrtc_version": "12.9.86", "cuda_version": "12.9"}, "nvidia_cuda_nvrtc_cu12-*"),
    ("cuda-version", {"cuda_version": "12.9"}, ""),
]


@pytest.mark.parametrize(("recipe", "variant", "artifact"), RECIPE_VARIANTS, ids=[one[0] for one in RECIPE_VARIANTS])
def test_each_recipe_gives_what_cudepot_has_published(
    desk: Desk,
    closed: Project,  # noqa: F811
    downloads: Path,  # noqa: F811
    recipe: str,
    variant: dict[str, str],
    artifact: str,
) -> None:
    """By the command that docs/packages.md has for any of them."""
    channel = closed.site / "conda/main"
    desk.use(channel)
    (desk.folder / "in").mkdir()
    for path in downloads.glob(artifact) if artifact else ():
        shutil.copy(path, desk.folder / "in")
    keys = [f'{key}: ["{value}"]' for key, value in {**variant, "closed_channel": "true"}.items()]
    (desk.folder / "variants.yaml").write_text("\n".join([*keys, "build_number: [1]", ""]))
    (command,) = (line for line in documented("recipes/libcublas").splitlines() if line.startswith("CUDEPOT_PAYLOAD"))
    desk.type_in(command.replace("recipes/libcublas", f"recipes/{recipe}"))
    published = {path.name: path.read_bytes() for path in channel.rglob("*.conda")}
    built = desk.built()
    assert built
    for name, package in built.items():
        same(package, published[name], channel)


def test_what_is_built_is_installed(desk: Desk, closed: Project, downloads: Path, tmp_path: Path) -> None:  # noqa: F811
    """From the folder that rattler-build has made, which is a channel; with what cudnn needs from another."""
    desk.use(closed.site / "conda/main")
    (desk.folder / "in").mkdir()
    shutil.copy(next(downloads.glob("cudnn-*8.9.7.29*")), desk.folder / "in")
    keys = ('cudnn_version: ["8.9.7.29"]', 'cuda_version: ["11"]', 'closed_channel: ["true"]')
    (desk.folder / "variants.yaml").write_text("\n".join(keys))
    desk.type_in("CUDEPOT_PAYLOAD=$PWD/in rattler-build build -r recipes/cudnn -m variants.yaml")
    prefix, channels = tmp_path / "env", [(desk.folder / "output").as_uri(), (closed.site / "conda/main").as_uri()]
    found = conda_env.create(channels, ["cudnn"], prefix, cuda="11.8")
    assert found["cudnn"].url.startswith((desk.folder / "output").as_uri())
    assert load_cudnn(prefix / "lib", "libcudnn.so.8") == 8907


def test_files_of_another_version_build_nothing(desk: Desk) -> None:
    write_archive(CudnnRelease("8.0.4.30", "11.1"), desk.folder)
    (desk.folder / ARCHIVE.replace("8.0.5.39", "8.0.4.30")).rename(desk.folder / ARCHIVE)
    with pytest.raises(ToolError, match="Script failed"):
        desk.type_in(documented("variants.yaml recipes/cudnn"))
    assert not desk.built()

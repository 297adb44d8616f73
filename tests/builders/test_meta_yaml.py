"""``meta.yaml`` says of every platform what ``recipe.yaml`` says; older conda-build reads only that one.

conda-build itself is on no package index: it takes part where it is installed. Else its two steps are done by hand,
lines chosen by ``# [selector]``, then Jinja, with what conda-build puts into both.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from tests.formats.payloads import RECIPES

from cudepot.builders.render import RenderedOutput, render_recipe

META = RECIPES / "conda-build/cudnn/meta.yaml"
SUBDIRS = ("linux-64", "linux-aarch64", "linux-ppc64le", "win-64")
RELEASES = (
    ("7.6.5.32", "10.2"),
    ("8.0.5.39", "11.1"),
    ("8.4.1.50", "10.2"),
    ("8.9.7.29", "11"),
    ("8.9.7.29", "12"),
    ("9.1.1.17", "11"),
    ("9.5.1.17", "12"),
    ("9.9.0.52", "12"),
    ("9.10.2.21", "11"),
    ("9.12.0.46", "12"),
    ("9.12.0.46", "13"),
)
# NVIDIA made no cuDNN 9 for ppc64le, and no 7 for SBSA
CASES = [
    (version, cuda, subdir)
    for version, cuda in RELEASES
    for subdir in SUBDIRS
    if not (version.startswith("9") and subdir == "linux-ppc64le")
    if not (version.startswith("7") and subdir == "linux-aarch64")
]
_SELECTOR = re.compile(r"(?P<line>.+?)\s*#\s*\[(?P<when>[^\[\]]+)\]\s*")


def selectors(subdir: str) -> dict[str, bool]:
    system, _, machine = subdir.partition("-")
    return {
        "linux": system == "linux",
        "win": system == "win",
        "aarch64": machine == "aarch64",
        "ppc64le": machine == "ppc64le",
    }


def chosen(text: str, flags: dict[str, bool]) -> str:
    """Leave out the lines whose selector does not hold."""
    kept = []
    for line in text.splitlines():
        found = _SELECTOR.fullmatch(line)
        if not found or eval(found["when"], {}, flags):
            kept.append(found["line"] if found else line)
    return "\n".join(kept)


def rendered(version: str, cuda: str, subdir: str, **more: str) -> dict[str, Any]:
    """Return the whole document, as conda-build would see it."""
    flags = selectors(subdir)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    environment.globals |= flags
    text = environment.from_string(chosen(META.read_text(), flags)).render(
        cudnn_version=version,
        cuda_version=cuda,
        environ={"CUDEPOT_PAYLOAD": "/payload"},
        PKG_HASH="HASH",
        pin_subpackage=lambda name, exact: f"{name} {version} exact" if exact else name,
        **more,
    )
    document: dict[str, Any] = yaml.safe_load(chosen(text, flags))
    return document


def exact(spec: str) -> str:
    """Return a pin on another output without the build string, which the two tools hash differently."""
    return re.sub(r" ==(\S+) cuda\S+_h\S+", r" \1 exact", spec)


def lines(found: Any) -> list[str]:
    return [str(one) for one in found or ()]


def packs(one: RenderedOutput, files: list[str]) -> bool:
    """Return whether the globs are the same; an output of no files of its own names what is nowhere in recipe.yaml."""
    return sorted(one.files) == sorted(files) or (not files and one.files == ("share/nothing/in/a/meta/package",))


@pytest.mark.parametrize(("version", "cuda", "subdir"), CASES)
def test_meta_yaml_describes_the_same_packages(version: str, cuda: str, subdir: str) -> None:
    document = rendered(version, cuda, subdir)
    assert "skip" not in document["build"]
    variant: dict[str, str | int] = {"cudnn_version": version, "cuda_version": cuda}
    wanted = {one.name: one for one in render_recipe(RECIPES / "cudnn/recipe.yaml", variant, subdir)}
    outputs = {one["name"]: one for one in document["outputs"]}
    assert list(outputs) == list(wanted)
    for name, one in wanted.items():
        found = outputs[name]
        needs, build = found["requirements"], found["build"]
        assert sorted(lines(needs["run"])) == sorted(map(exact, one.depends))
        assert sorted(lines(needs.get("run_constrained"))) == sorted(one.constrains)
        assert lines(build.get("run_exports", {}).get("weak")) == list(one.run_exports.get("weak", ()))
        assert packs(one, lines(found.get("files")))
        assert lines(found["test"]["commands"]) == [line for commands in one.tests for line in commands]
        assert build["string"] == f"cuda{cuda}_hHASH_0"
        assert {key: str(found["about"][key]) for key in one.about} == one.about
        assert str(document["package"]["version"]) == one.version


@pytest.mark.parametrize(("version", "cuda", "subdir"), CASES)
def test_a_closed_channel_is_heeded(version: str, cuda: str, subdir: str) -> None:
    outputs = {one["name"]: one for one in rendered(version, cuda, subdir, closed_channel="true")["outputs"]}
    variant: dict[str, str | int] = {"cudnn_version": version, "cuda_version": cuda, "closed_channel": "true"}
    for one in render_recipe(RECIPES / "cudnn/recipe.yaml", variant, subdir):
        assert sorted(lines(outputs[one.name]["requirements"]["run"])) == sorted(map(exact, one.depends))


def test_what_decides_a_package_is_in_its_hash() -> None:
    """conda-build sees a key that only a template uses when it is told to."""
    for version, cuda in (("8.0.5.39", "11.1"), ("9.12.0.46", "13")):
        for one in rendered(version, cuda, "linux-64")["outputs"]:
            assert one["build"]["force_use_keys"] == ["cudnn_version", "cuda_version", "closed_channel"]


@pytest.mark.parametrize("file", ["recipes/conda-build/cudnn/meta.yaml", "channel-config/variants.yaml"])
def test_no_line_ends_in_what_conda_build_takes_for_a_selector(file: str) -> None:
    """It takes brackets at the end of a line for one, without ``#`` as well, and drops or cuts the line."""
    for line in (RECIPES.parent / file).read_text().splitlines():
        bare = re.sub(r"# \[[a-z0-9 ]+\]$", "", line).rstrip()
        assert not bare.endswith("]") or bare.lstrip().startswith("#"), line


def test_each_tool_finds_one_recipe_in_a_folder() -> None:
    for folder in {one.parent for name in ("recipe.yaml", "meta.yaml") for one in RECIPES.rglob(name)}:
        assert not ((folder / "recipe.yaml").exists() and (folder / "meta.yaml").exists()), folder


@pytest.mark.parametrize("subdir", SUBDIRS)
def test_nvidias_bytes_stay_as_they_are(subdir: str) -> None:
    for one in rendered("8.0.5.39", "11.1", subdir)["outputs"]:
        assert one["build"]["binary_relocation"] is False
        assert one["build"]["detect_binary_files_with_prefix"] is False


def test_other_systems_are_skipped() -> None:
    flags = dict.fromkeys(selectors("linux-64"), False)
    assert "skip: true" in chosen(META.read_text(), flags)


@pytest.mark.slow
@pytest.mark.skipif(
    not shutil.which("conda-build") and not importlib.util.find_spec("conda_build"),
    reason="conda-build is not installed: it comes from a conda channel only",
)
def test_conda_build_renders_it(tmp_path: Path) -> None:
    """conda-build's own reading, for both systems it can be told to mean."""
    command = [shutil.which("conda-build") or "", "--help"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    code = (
        "import sys, conda_build.api as api, conda_build.config as c\n"
        "config = c.Config(host_subdir=sys.argv[2], variant={})\n"
        "found = api.render(sys.argv[1], config=config, bypass_env_check=True, permit_unsatisfiable_variants=True,\n"
        "    variants={'cudnn_version': ['9.12.0.46'], 'cuda_version': ['13']})\n"
        "print(sorted(m.name() for m, _, _ in found))"
    )
    (recipe := tmp_path / "recipe").mkdir()
    shutil.copy(META, recipe)
    python = Path(command[0]).with_name("python") if command[0] else Path(sys.executable)
    for subdir in ("linux-64", "win-64"):
        argv = [str(python), "-c", code, str(recipe), subdir]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ})
        assert done.stdout.strip().endswith("['cudnn', 'libcudnn', 'libcudnn-dev']"), done.stderr[-2000:]

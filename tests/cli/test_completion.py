"""Completion: what each shell offers, asked of the real bash, zsh and fish, and what the values are."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from simulator.nvidia import Nvidia
from simulator.project import Project

from cudepot.cli import completers
from cudepot.cli.completers import offered
from cudepot.cli.completion import SHELLS, folder_of
from cudepot.cli.main import main, parser
from cudepot.digest import hexdigest

CONFIG = """\
version = 1
[site]
channels = ["dev", "prod"]
[[upstream]]
preset = "nvidia/ubuntu2204/x86_64"
[[upstream]]
name = "mine"
keys = ["AAAA"]
[[pin]]
packages = ["libcudnn8"]
[[environment]]
name = "train"
"""
LOCK = """\
[[artifact]]
name = "libcudnn9-cuda-12"
[[artifact]]
name = "libcudnn9-cuda-12"
[[environment]]
name = "train"
[[environment.target]]
name = "linux-64-py3.12"
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "cudepot.toml").write_text(CONFIG)
    (tmp_path / "cudepot.lock").write_text(LOCK)
    return tmp_path


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (completers.upstreams, ["ubuntu2204/x86_64", "mine"]),
        (completers.environments, ["train"]),
        (completers.upgradable, ["train", "ubuntu2204/x86_64", "mine"]),
        (completers.targets, ["linux-64-py3.12"]),
        (completers.packages, ["libcudnn9-cuda-12"]),
        (completers.channels, ["dev", "prod"]),
        (completers.removable, ["libcudnn8", "ubuntu2204/x86_64", "mine"]),
    ],
)
def test_values_are_read_from_the_projects_files(values: completers.Values, expected: list[str], base: Path) -> None:
    assert offered(values, base) == expected


def test_keys_are_those_of_presets_too(base: Path) -> None:
    assert "AAAA" in offered(completers.fingerprints, base)
    assert any(len(one) == 40 for one in offered(completers.fingerprints, base))


@pytest.mark.parametrize(
    ("values", "one"),
    [
        (completers.presets, "nvidia/ubuntu2204/x86_64"),
        (completers.distributions, "ubuntu2204"),
        (completers.stacks, "gpu-node"),
        (completers.cudnns, "8.0.5.39"),
        (completers.cudas, "11.1"),
        (completers.platforms, "linux-x86_64"),
        (completers.formats, "requirements.txt"),
        (completers.subdirs, "linux-64"),
        (completers.kinds, "apt"),
        (completers.outputs, "cuda-wheel"),
        (completers.recipes, "cudnn"),
        (completers.origins, "nvidia/ubuntu2204/x86_64"),
        (completers.pages, "E300"),
        (completers.pages, "airgap"),
    ],
)
def test_what_cudepot_knows_needs_no_project(values: completers.Values, one: str, tmp_path: Path) -> None:
    assert one in offered(values, tmp_path)


KNOWN = {
    completers.presets,
    completers.origins,
    completers.distributions,
    completers.stacks,
    completers.cudnns,
    completers.cudas,
    completers.platforms,
    completers.formats,
    completers.subdirs,
    completers.kinds,
    completers.outputs,
    completers.recipes,
    completers.pages,
}
"""What needs no project."""


@pytest.mark.parametrize("text", [None, "", "[[upstream", "upstream = 3", '[[upstream]]\npreset = "no/such"', "\0"])
def test_a_broken_project_offers_nothing_and_says_nothing(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        for name in ("cudepot.toml", "cudepot.lock"):
            (tmp_path / name).write_text(text)
    every = {*completers.ANYWHERE.values(), *completers.ONLY.values()} - KNOWN
    assert {one.__name__: offered(one, tmp_path) for one in every} == {one.__name__: [] for one in every}


def test_every_row_is_an_argument_of_the_command_line() -> None:
    def arguments(one: object, verb: str = "") -> set[tuple[str, str]]:
        found = set()
        for action in getattr(one, "_actions", ()):
            for name, below in (action.choices or {}).items() if hasattr(action, "_name_parser_map") else ():
                found |= arguments(below, verb or name)
            found.add((verb, action.dest))
        return found

    assert completers.ONLY.keys() <= arguments(parser())


@pytest.mark.parametrize(
    ("words", "folder"),
    [("", "."), ("lock -C", "."), ("-C a lock", "a"), ("lock --directory b", "b"), ("--directory=c lock", "c")],
)
def test_the_folder_is_the_one_the_line_names(words: str, folder: str) -> None:
    assert folder_of(words.split()) == Path(folder)


def asked(line: str, folder: Path) -> list[str]:
    """Return what cudepot answers a shell: on descriptor 8, and not a word elsewhere."""
    ask = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n"}
    env = {**os.environ, **ask, "PYTHONPATH": ":".join(sys.path)}
    shell = ["sh", "-c", 'exec "$0" -m cudepot.cli.main 8>answer 9>/dev/null', sys.executable]
    done = subprocess.run(shell, env=env, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return [one.strip() for one in (folder / "answer").read_text().split("\n")]


def test_snapshots_the_newest_first(grown: Project, tmp_path: Path) -> None:
    assert asked(f"cudepot rollback -C {grown.base} ", tmp_path) == ["2", "1"]
    assert asked(f"cudepot -C {grown.base} diff 1 ", tmp_path) == ["lock", "2", "1"]


def test_licences_that_wait_come_first(project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    project.add_downloads(nvidia, nvidia.built().archive.name)
    project.run("sync", "--lock")
    sha = hexdigest(nvidia.built().parts.licence)
    before = project.everything()
    assert asked(f"cudepot licence accept -C {project.base} ", tmp_path) == [sha]
    assert project.everything() == before


def test_a_broken_project_answers_with_nothing(tmp_path: Path) -> None:
    (tmp_path / "cudepot.toml").write_text("[[")
    assert asked("cudepot client apt ", tmp_path) == [""]


@pytest.fixture
def program(tmp_path: Path) -> dict[str, str]:
    """An environment whose PATH has ``cudepot``, as this Python runs it, and which has the scripts of all shells."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "cudepot"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={":".join(sys.path)} exec {sys.executable} -m cudepot.cli.main "$@"\n')
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "TERM": "dumb"}


def written(shell: str, capsys: pytest.CaptureFixture[str], path: Path) -> Path:
    assert main(["completion", shell]) == 0
    path.write_text(capsys.readouterr().out)
    return path


def test_bash(capsys: pytest.CaptureFixture[str], program: dict[str, str], base: Path) -> None:
    script = written("bash", capsys, base / "cudepot.bash")
    line = "cudepot client apt ubuntu2204/"
    ask = f"source {script}; COMP_LINE='{line}'; COMP_POINT={len(line)}; _python_argcomplete cudepot; "
    done = subprocess.run(
        ["bash", "-c", f'{ask} printf "%s\\n" "${{COMPREPLY[@]}}"'],
        env=program, cwd=base, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout.split(), done.stderr) == (["ubuntu2204/x86_64"], "")


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish(capsys: pytest.CaptureFixture[str], program: dict[str, str], base: Path) -> None:
    script = written("fish", capsys, base / "cudepot.fish")
    ask = f"source {script}; complete -C 'cudepot tree '; complete -C 'cudepot repac'"
    done = subprocess.run(["fish", "-c", ask], env=program, cwd=base, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert (first.split("\t")[0], second.split("\t")[0], done.stderr) == ("train", "repackage", "")


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh(capsys: pytest.CaptureFixture[str], program: dict[str, str], base: Path) -> None:
    """In a terminal of zsh's own, as its completion runs nowhere else: a line, TAB, and what the line becomes."""
    written("zsh", capsys, base / "_cudepot")
    setup = f"fpath=({base} $fpath); autoload -Uz compinit; compinit -u -D; PS1=; "
    setup += (
        "zle-line-init() { print -n edi''ting }; zle -N zle-line-init"  # it says when TAB is no plain sign any more
    )
    talk = f"""
    zmodload zsh/zpty
    zpty shell 'zsh -f -i'
    zpty -w shell {shlex.quote(setup)}
    zpty -r -m shell seen '*editing*'
    zpty -w -n shell $'cudepot tree tr\\t'
    zpty -r -m shell seen '*tree tr*ain*'
    print -r -- $seen
    zpty -d shell
    """
    done = subprocess.run(
        ["zsh", "-f", "-c", talk], env=program, cwd=base, capture_output=True, text=True, check=True, timeout=120
    )
    assert re.search(r"cudepot tree tr.*ain", done.stdout, re.DOTALL), done.stdout


def test_the_shells_are_named_in_the_help() -> None:
    text = parser("completion").format_help() + str(SHELLS)
    assert all(shell in text for shell in SHELLS)

"""What far sides run alone is read, compiled and run by Python 3.6, and leans on nothing but its standard library."""

from __future__ import annotations

import ast
import shutil
import sys
from pathlib import Path

import pytest
from simulator.process import run
from simulator.pythons import pythons

from cudepot.data import far_folder
from cudepot.workflows.bundle.far_file import archive

FILES = sorted(far_folder().glob("*.py"))
PROGRAMS = {"gpgv.py"}
"""Where a program is started: gpgv, and no other."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_has_the_grammar_of_python_3_6(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 6))


def test_nothing_in_it_is_newer_than_python_3_6() -> None:
    program = Path(sys.executable).with_name("vermin")
    done = run(program, "--target=3.6-", "--no-tips", "--violations", far_folder(), check=False)
    assert done.returncode == 0, done.stdout


def test_it_imports_the_standard_library_and_itself_alone() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in (one.partition(".")[0] for one in names):
                assert name == "cudepot_far" or name in sys.stdlib_module_names, f"{path.name} imports {name}"
                assert name != "subprocess" or path.name in PROGRAMS, path.name


@pytest.mark.parametrize("version", pythons(), ids=lambda version: ".".join(map(str, version)))
def test_every_python_of_this_machine_compiles_all_of_it(version: tuple[int, int], tmp_path: Path) -> None:
    file = tmp_path / "far.pyz"
    file.write_bytes(archive())
    every = ", ".join(f"cudepot_far.{path.stem}" for path in FILES if not path.stem.startswith("__"))
    code = f"import sys; sys.path.insert(0, {str(file)!r}); import {every}; print('read')"
    done = run(pythons()[version], "-I", "-W", "error", "-c", code, check=False)
    assert done.stdout == "read\n", done.stderr
    assert run(pythons()[version], file, "--help").stdout.startswith("usage: cudepot-far")


def test_python_2_is_told_what_is_needed(tmp_path: Path) -> None:
    """It stops at the first line it does not understand, before anything happens."""
    program = next((one for one in map(shutil.which, ("python2.7", "python2")) if one), "")
    managed = sorted(Path.home().glob(".pyenv/versions/2.7*/bin/python"))
    if not program and not managed:
        pytest.skip("no Python 2 here")
    (tmp_path / "far.pyz").write_bytes(archive())
    done = run(managed[0] if managed else program, tmp_path / "far.pyz", check=False)
    assert done.returncode == 1
    assert "needs Python 3.6 or newer" in done.stderr

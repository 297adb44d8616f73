"""What hints and pages tell people to install: nothing that a stranger could register, nothing that pip does not bring.

Nothing called cudepot is on the public index. A command that names a package there has to name one that exists and
belongs to those we mean; whoever registered the name first would run code on our users' machines.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(one for part in ("mirror", "simulator", "bench") for one in (ROOT / part).rglob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
THEIRS = {
    "starlette", "uvicorn", "prometheus_client", "prometheus-client", "distributed", "dask", "boto3",
    "torch", "jax", "tensorflow", "numpy",
}  # fmt: skip
"""Projects of the public index that a command may name, beside NVIDIA's own (nvidia-...)."""
_INSTALL = re.compile(r"(?:pip3?|uv tool|pipx|uv pip) install((?:[ \t]+[^\s`;|&),]+)+)|\buvx[ \t]+([^\s`]+)")
_HOLE = "{}"
_VALUED = {"-r", "-c", "-t", "--index-url", "--default-index", "--find-links", "--target", "--python", "-i", "--group"}


def texts(path: Path) -> Iterator[str]:
    """Give the string literals of a module; what an f-string puts in is ``{}``."""
    tree = ast.parse(path.read_text("utf-8"))
    within = {id(part) for one in ast.walk(tree) if isinstance(one, ast.JoinedStr) for part in one.values}
    for one in ast.walk(tree):
        if isinstance(one, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else _HOLE for part in one.values)
        elif isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in within:
            yield one.value


def named(text: str) -> Iterator[str]:
    """Give what commands in a text install, by name; files, folders and options are none."""
    for found in _INSTALL.finditer(text):
        words = iter((found[1] or found[2]).replace("'", "").replace('"', "").split())
        for word in words:
            if word in _VALUED:
                next(words, None)
            elif not re.search(r"^-|[/]|^\.|\.whl(\[.*)?$|^\{|\.txt$|\.toml$|^[A-Z]+$|^[^a-z]", word):
                name = re.split(r"[=<>!~\[{]", word)[0]
                if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
                    return  # words of a sentence
                yield name
                if not re.search(r"[=<>~\d-]", word):
                    return


def allowed(name: str) -> bool:
    return name in THEIRS or name.startswith("nvidia-")


def test_a_name_is_found_where_there_is_one() -> None:
    assert list(named("run `pip install cudepot`")) == ["cudepot"]
    assert list(named("pip install -q 'cudepot[serve]>=1' x==1")) == ["cudepot", "x"]
    assert list(named("uvx cudepot")) == ["cudepot"]
    assert list(named("pip install '.[serve]'; pip install -r x.txt dist/*.whl")) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_name_projects_that_are_whose_we_think(path: Path) -> None:
    assert [one for one in named(path.read_text("utf-8")) if not allowed(one)] == []


def test_the_program_names_projects_that_are_whose_we_think() -> None:
    found = {(str(path.relative_to(ROOT)), one) for path in SOURCES for text in texts(path) for one in named(text)}
    assert {"starlette", "uvicorn"} <= {name for _, name in found}
    assert sorted(one for one in found if not allowed(one[1])) == []


def test_hints_name_no_page_that_pip_does_not_install() -> None:
    """``docs/x.md`` is a file of the checkout; ``cudepot explain x`` shows the page anywhere."""
    program = [one for one in SOURCES if "mirror" in one.parts]
    assert [
        (str(path.relative_to(ROOT)), text)
        for path in program
        for text in literals(path)
        if re.search(r"\bdocs/\w+\.md|CONTRIBUTING|CHANGELOG|README", text)
    ] == []


def test_pages_that_are_named_are_there() -> None:
    pages = {one.stem for one in (ROOT / "docs").glob("*.md")}
    for path in SOURCES:
        for text in texts(path):
            for name in re.findall(r"cudepot explain ([a-z][a-z-]+)", text):
                assert name in pages, f"{path}: {text}"


def literals(path: Path) -> Iterator[str]:
    """Give string literals but docstrings, which no user reads."""
    tree = ast.parse(path.read_text("utf-8"))
    docs = {
        id(body[0].value)
        for one in ast.walk(tree)
        if (body := getattr(one, "body", None)) and isinstance(body, list) and isinstance(body[0], ast.Expr)
    } | {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    for one in ast.walk(tree):
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in docs:
            yield one.value

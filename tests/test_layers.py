"""Holds the picture of DESIGN.md: who may import whom, read from the source with ``ast``."""

from __future__ import annotations

import ast
from pathlib import Path

import cudepot

ROOT = Path(cudepot.__file__).parent
BASE = {path.stem for path in ROOT.glob("[a-z]*.py")}
PURE, IO = {"catalog", "formats"}, {"transport", "store", "signing", "builders", "probe"}
PURE_BASE = BASE - {"disk", "data", "temporary"}
MAY = {
    **dict.fromkeys(PURE_BASE, PURE_BASE),
    **dict.fromkeys(BASE - PURE_BASE, BASE),
    **dict.fromkeys(PURE, PURE_BASE | PURE),
    **{room: BASE | {room} for room in IO},
    "depot": BASE | PURE | IO | {"depot"},
    "kinds": BASE | PURE | IO | {"depot", "kinds"},
    "sites": BASE | PURE | IO | {"sites"},
    "workflows": BASE | PURE | IO | {"depot", "kinds", "sites", "workflows"},
    "cli": BASE | PURE | IO | {"depot", "kinds", "sites", "workflows", "cli", "__init__"},
}
CHILDREN = {"__main__.py"}
"""Programs of their own, run as children."""
OUTSIDE = {
    "argparse", "asyncio", "fcntl", "glob", "http", "http.client", "importlib", "locale", "logging",
    "multiprocessing", "os", "pathlib", "platform", "random", "rattler", "rattler_build", "requests", "rich",
    "shutil", "signal", "socket", "ssl", "subprocess", "sys", "tempfile", "time", "urllib.request",
}  # fmt: skip


def imports(path: Path) -> set[str]:
    """Return the modules a file imports anywhere, functions included."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    found = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            base, names = node.module or "", {name.name for name in node.names}
            found |= {f"{base}.{name}" for name in names} if base in ("cudepot", "urllib") else {base}
    return found


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def test_every_room_imports_only_what_lies_below_it() -> None:
    for path in ROOT.rglob("*.py"):
        if path != ROOT / "__init__.py":
            for name in imports(path):
                if name.startswith("cudepot."):
                    below = name.split(".")[1].replace("__version__", "__init__")
                    assert below in MAY[room(path)], f"{path.relative_to(ROOT)} imports {name}"


def test_pure_rooms_reach_nothing_outside() -> None:
    for path in ROOT.rglob("*.py"):
        if room(path) in PURE | PURE_BASE:
            assert not imports(path) & OUTSIDE, path
            calls = [one.func for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.Call)]
            names = {one.id for one in calls if isinstance(one, ast.Name)}
            assert not names & {"open", "print", "input"}, path
            assert not {one.attr for one in calls if isinstance(one, ast.Attribute)} & {"now", "today", "utcnow"}, path


def test_only_the_command_line_reads_argv_and_environment() -> None:
    for path in ROOT.rglob("*.py"):
        names = {one.attr for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.Attribute)}
        if room(path) != "cli" and path.name not in CHILDREN:
            assert not names & {"environ", "getenv", "argv"}, path


def test_no_site_kind_knows_another_and_nobody_else_knows_one() -> None:
    folders = [path for path in (ROOT / "sites").iterdir() if path.is_dir() and path.name != "__pycache__"]
    for path in ROOT.rglob("*.py"):
        inside = next((one.name for one in folders if one in path.parents), "")
        for name in imports(path):
            below = name.split(".")
            if below[:2] == ["cudepot", "sites"] and below[2:] and below[2] not in ("kind", "registry"):
                assert below[2] == inside, f"{path.relative_to(ROOT)} imports {name}"

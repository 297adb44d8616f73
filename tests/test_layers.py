"""Holds the picture in CONTRIBUTING.md: who may import whom, read from the source with ``ast``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Set
from functools import cache
from pathlib import Path

import pytest

import cudepot
from cudepot.kinds.registry import ROWS
from cudepot.sites.registry import SITES

ROOT = Path(cudepot.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")
BASE = {path.stem for path in ROOT.glob("[a-z]*.py")}
PURE, IO = {"catalog", "formats"}, {"transport", "store", "signing", "builders", "probe"}
PURE_BASE = BASE - {"disk", "data", "temporary", "user_files"}
BELOW = BASE | PURE | IO
MAY = {
    **dict.fromkeys(PURE_BASE, PURE_BASE),
    **dict.fromkeys(BASE - PURE_BASE, BASE),
    **dict.fromkeys(PURE, PURE_BASE | PURE),
    **{room: BASE | {room} for room in IO},
    "sites": BELOW | {"sites"},
    "stores": BELOW | {"stores"},
    "depot": BELOW | {"depot"},
    "kinds": BELOW | {"depot", "kinds"},
    "workflows": BELOW | {"sites", "stores", "depot", "kinds", "workflows"},
    "cli": BELOW | {"sites", "stores", "depot", "kinds", "workflows", "cli", "__init__"},
}
"""What each of the top rooms may import."""
BORROWERS = {"installer": {"apt", "yum"}, "folder": {"installer", "yum"}}
"""Kinds that hold repositories, or packages, of others."""
CHILDREN = {"__main__.py"}
"""Programs of their own, run as children."""
OUTSIDE = {
    "argparse", "asyncio", "fcntl", "glob", "http", "http.client", "importlib", "locale", "logging",
    "multiprocessing", "os", "pathlib", "platform", "random", "rattler", "rattler_build", "requests", "rich",
    "shutil", "signal", "socket", "ssl", "subprocess", "sys", "tempfile", "time", "urllib.request",
}  # fmt: skip
KINDS = {**{name: row for name, row in ROWS.items() if row.upstreams}, **SITES}
SHARED = "cudepot_far.channels"
"""What far sides without cudepot decide by as well: see docs/adr/0064."""
HOMONYMS = {
    ("catalog/config/listings.py", "conda"): "the program whose listing is read",
    ("catalog/doctor/values.py", "conda"): "a sort of environment",
    ("cli/client.py", "apt"): "the client program",
    ("cli/client.py", "conda"): "the client program",
    ("formats/conda.py", "conda"): "part of a PURL",
    ("kinds/rules/conda_files/pixi_lock.py", "conda"): "pixi's word for a package",
    ("workflows/export/windows_text.py", "conda"): "the program that installs",
    ("workflows/publish/page_offers.py", "conda"): "a way to install",
    ("catalog/doctor/values.py", "folder"): "libraries in no environment",
    ("catalog/nvidia/published.py", "folder"): "a key of NVIDIA's catalog",
    **dict.fromkeys(
        [
            (one, "store")
            for one in ("catalog/config/config.py", "cli/completers.py", "stores/s3/place.py", "workflows/schema.py")
        ],
        "a key of cudepot.toml",
    ),
    ("catalog/site/backup.py", "store"): "a key of a backup",
    ("cli/context.py", "store"): "the folder of a store",
    ("workflows/facts.py", "store"): "a key of the answer",
    ("workflows/init/origin.py", "store"): "the folder of a store",
    ("transport/s3/bucket.py", "s3"): "boto3's word",
    ("transport/s3/direct_put.py", "s3"): "the service that a request is signed for",
    ("transport/s3/send.py", "s3"): "what threads are called",
}
"""Where a word that is a kind's name means something else."""


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def for_types_only(tree: ast.Module) -> set[ast.AST]:
    blocks = [one for one in ast.walk(tree) if isinstance(one, ast.If) and ast.unparse(one.test) == "TYPE_CHECKING"]
    return {node for block in blocks for node in ast.walk(block)}


def imports(path: Path) -> set[str]:
    """Return the modules a file imports anywhere, functions included."""
    nodes = list(ast.walk(parsed(path)))
    found = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            found |= set(modules(node))
    return found


def modules(node: ast.ImportFrom) -> Iterator[str]:
    base = node.module or ""
    for one in node.names:
        inner = f"{base}.{one.name}"
        yield inner if base == "urllib" or (ROOT.parent / f"{inner.replace('.', '/')}.py").exists() else base


def top(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def room(module: str) -> str:
    """Return the room of a module: its folder; a verb that is one module is a room of its own."""
    folder = module.rpartition(".")[0]
    return module if folder in ("cudepot.workflows", "cudepot") else folder


def is_pure(path: Path) -> bool:
    return top(path) in PURE | PURE_BASE or "rules" in path.relative_to(ROOT).parts


def test_every_room_imports_only_what_lies_below_it() -> None:
    for path in FILES:
        for name in imports(path):
            if name.startswith("cudepot."):
                below = name.split(".")[1].replace("__version__", "__init__")
                assert below in MAY[top(path)], f"{path.relative_to(ROOT)} imports {name}"


def test_pure_rooms_reach_nothing_outside() -> None:
    for path in filter(is_pure, FILES):
        assert not imports(path) & OUTSIDE, path
        calls = [one.func for one in ast.walk(parsed(path)) if isinstance(one, ast.Call)]
        names = {one.id for one in calls if isinstance(one, ast.Name)}
        assert not names & {"open", "print", "input"}, path
        assert not {one.attr for one in calls if isinstance(one, ast.Attribute)} & {"now", "today", "utcnow"}, path


def test_cudepot_and_the_far_sides_file_share_one_pure_module() -> None:
    used = {name for path in FILES for name in imports(path) if name.startswith("cudepot_far")}
    assert used == {SHARED}
    assert imports(ROOT.parent / f"{SHARED.replace('.', '/')}.py") <= {"re", "typing"}


def test_the_rules_of_a_kind_import_pure_rooms_only() -> None:
    for path in FILES:
        if top(path) == "kinds" and is_pure(path):
            for name in imports(path):
                parts = name.split(".")
                pure = len(parts) > 1 and (parts[1] in PURE | PURE_BASE or "rules" in parts)
                assert parts[0] != "cudepot" or pure, f"{path.relative_to(ROOT)} imports {name}"


def test_no_kind_imports_another() -> None:
    for path in FILES:
        parts = path.relative_to(ROOT).parts
        if parts[0] == "kinds" and len(parts) > 2:
            allowed = {parts[1], "rules"} | BORROWERS.get(parts[1], set())
            for name in imports(path):
                other = name.split(".")[2:3] if name.startswith("cudepot.kinds.") and name.count(".") > 2 else []
                assert set(other) <= allowed, f"{path.relative_to(ROOT)} imports {name}"


def test_what_kinds_share_knows_none_of_them() -> None:
    for path in FILES:
        parts = path.relative_to(ROOT).parts
        if parts[0] == "kinds" and (len(parts) == 2 or parts[1] == "rules"):
            for name in imports(path):
                if name.startswith("cudepot.kinds.") and name.count(".") > 2:
                    assert name.split(".")[2] == "rules", f"{path.relative_to(ROOT)} imports {name}"


def test_a_site_kind_is_loaded_by_name_alone() -> None:
    for path in FILES:
        parts = path.relative_to(ROOT).parts
        own = parts[1] if parts[0] == "sites" and len(parts) > 2 else ""
        for name in imports(path):
            if name.startswith("cudepot.sites.") and name.count(".") > 2:
                assert name.split(".")[2] == own, f"{path.relative_to(ROOT)} imports {name}"


def strings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Give the string literals of a file, docstrings excepted."""
    documents = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    for one in ast.walk(tree):
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in documents:
            yield one


def test_a_kinds_name_stands_in_its_own_folder_and_the_tables_alone() -> None:
    tables = ("kinds/registry.py", "sites/registry.py", "stores/registry.py", "catalog/ecosystems.py")
    found = []
    for path in FILES:
        where = path.relative_to(ROOT).as_posix()
        for one in strings(parsed(path)):
            known = where in tables or (where, one.value) in HOMONYMS
            if one.value in KINDS and not known:
                row = KINDS[one.value]
                home = (row if isinstance(row, str) else row.module).rpartition(".")[0].removeprefix("cudepot.")
                if not where.startswith(home.replace(".", "/") + "/"):
                    found.append(f"{where}:{one.lineno}: {one.value!r}")
    assert not found, "\n".join(found)


def graph(of: Callable[[str], str]) -> dict[str, set[str]]:
    """Return who imports whom, types excepted, by module or by room."""
    found: dict[str, set[str]] = {}
    for path in FILES:
        name = f"cudepot.{path.relative_to(ROOT).as_posix()[:-3].replace('/', '.')}"
        tree = parsed(path)
        skipped = for_types_only(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node not in skipped:
                others = {of(one) for one in modules(node) if one.startswith("cudepot.")}
                found.setdefault(of(name), set()).update(others - {of(name)})
    return found


def circle(arrows: Mapping[str, Set[str]]) -> list[str]:
    """Return what is left when everything is taken away that imports nothing of the rest, or is imported by nothing."""
    left = {name: set(others) for name, others in arrows.items()}
    while left:
        used = set().union(*left.values())
        free = [name for name, others in left.items() if not others & left.keys() or name not in used]
        if not free:
            break
        for name in free:
            del left[name]
    return sorted(left)


@pytest.mark.parametrize("of", [str, room], ids=["modules", "rooms"])
def test_there_is_no_circle(of: Callable[[str], str]) -> None:
    assert not circle(graph(of))


def test_only_the_command_line_reads_argv_and_environment() -> None:
    for path in FILES:
        names = {one.attr for one in ast.walk(parsed(path)) if isinstance(one, ast.Attribute)}
        if top(path) != "cli" and path.name not in CHILDREN:
            assert not names & {"environ", "getenv", "argv"}, path

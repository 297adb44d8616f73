"""The simulator stands by itself: tests and bench import it, it imports neither, and bench imports no test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def imports(path: Path) -> set[str]:
    """Return the top packages a file imports anywhere."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    return {
        one.split(".")[0] for one in plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    }


@pytest.mark.parametrize(("package", "never"), [("simulator", {"tests", "bench"}), ("bench", {"tests"})])
def test_it_imports_nothing_of_those_who_use_it(package: str, never: set[str]) -> None:
    files = list((REPOSITORY / package).glob("*.py"))
    assert files
    assert not {str(path): found for path in files if (found := imports(path) & never)}

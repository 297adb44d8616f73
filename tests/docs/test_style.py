"""What docs/style.md says cudepot does not write is in no message, no help text and no page."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import cudepot
from cudepot.cli.main import VERBS

ROOT = Path(cudepot.__file__).parents[2]
STYLE = ROOT / "docs/style.md"
PHRASES = re.findall(
    r"^\| `([^`|]+)` \| [^|`]+ \|$", STYLE.read_text().partition("\n## What we don't write\n")[2], re.M
)
NOT = re.compile(
    r'(?<![\w"-])(?:' + "|".join(re.escape(one).replace(r"\ ", r"\s+") for one in PHRASES) + r')(?![\w"-])', re.I
)
PAGES = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
CONFIGURATION = [*(ROOT / "channel-config").rglob("*.toml"), *(ROOT / "recipes").rglob("*.toml")]


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Give the strings of a module with their lines, but docstrings and strings without a blank, which nobody reads."""
    tree = ast.parse(path.read_text())
    silent = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in silent and " " in node.value:
            yield node.lineno, node.value


def _found(texts: Iterable[tuple[int, str]]) -> list[str]:
    return [f"{number}: {match[0]}" for number, text in texts for match in NOT.finditer(text)]


def test_the_table_is_read() -> None:
    assert len(PHRASES) > 30
    assert NOT.search("the hash stands in\nthe lock")
    assert not NOT.search("he believes what is spelled so")


def test_messages_and_help() -> None:
    wrong = {str(path.relative_to(ROOT)): _found(_texts(path)) for path in (ROOT / "mirror").rglob("*.py")}
    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages(path: Path) -> None:
    text = path.read_text().partition("\n## What we don't write\n")[0]
    assert _found(enumerate(text.split("\n\n"), 1)) == [], "by number of the paragraph"


def test_comments_of_configuration() -> None:
    wrong = {path.name: _found(enumerate(path.read_text().splitlines(), 1)) for path in CONFIGURATION}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_help_is_short_and_has_no_full_stop() -> None:
    for name in VERBS:
        text = importlib.import_module(f"cudepot.cli.{name}").HELP
        assert text[0].islower(), name
        assert not text.endswith("."), name
        assert len(text) <= 88, name

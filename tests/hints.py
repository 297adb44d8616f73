"""Every hint of the source, found by reading the code: what the keyword ``hint`` is given, names resolved."""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import cudepot

SOURCE = Path(cudepot.__file__).parent
FILLED = "\N{REPLACEMENT CHARACTER}"
"""Stands for what is only known when the hint is given: a name, a number, a list."""
_DEEP = 6  # names that lead to names
_MOST = 8
"""Alternatives of one hint that are followed."""


class Hint(NamedTuple):
    """One text a hint may have: where in the source, and what it says."""

    where: str
    text: str


@functools.cache
def hints() -> tuple[Hint, ...]:
    """Return all of them, each text once a place."""
    found: dict[Hint, None] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        nodes = _nodes(path)
        names = _strings(nodes, str(path))
        place = path.relative_to(SOURCE)
        for node in nodes:
            for value in _given(node):
                for text in _texts(value, names):
                    if text.strip(FILLED + " "):
                        found[Hint(f"{place}:{value.lineno}", text)] = None
    return tuple(found)


def places() -> int:
    """Return how many places of the source give a hint."""
    return sum(_is_keyword(node) for path in SOURCE.rglob("*.py") for node in _nodes(path))


@functools.cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return the syntax tree of a module, flat; none of a module that speaks of no hint."""
    text = path.read_text()
    return tuple(ast.walk(ast.parse(text))) if "hint" in text.lower() else ()


def _is_keyword(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) and node.arg == "hint"


def _given(node: ast.AST) -> Iterator[ast.expr]:
    """Give what becomes a hint: the keyword, what variables of that name get, and what functions of it return."""
    if (isinstance(node, ast.keyword) and node.arg == "hint") or (
        isinstance(node, ast.Assign) and any(map(_named, node.targets))
    ):
        yield node.value
    elif isinstance(node, ast.FunctionDef) and "hint" in node.name:
        yield from (one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value)
        yield from (one.value for one in ast.walk(node) if isinstance(one, ast.Yield) and one.value)


def _named(target: ast.expr) -> bool:
    name = target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else ""
    return "hint" in name.lower()


@functools.cache
def _module_strings(path: str) -> Mapping[str, ast.expr]:
    """Return the names a module gives to texts."""
    found: dict[str, ast.expr] = {}
    for node in ast.parse(Path(path).read_text()).body:
        if isinstance(node, ast.Assign):
            found |= {one.id: node.value for one in node.targets if isinstance(one, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            found[node.target.id] = node.value
    return found


def _strings(nodes: Iterable[ast.AST], path: str) -> Mapping[str, ast.expr]:
    """Return what names a module has for texts, its own and those it imports from other modules of cudepot."""
    found = dict(_module_strings(path))
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("cudepot."):
            other = SOURCE.joinpath(*node.module.split(".")[1:]).with_suffix(".py")
            if other.is_file():
                there = _module_strings(str(other))
                found |= {one.asname or one.name: there[one.name] for one in node.names if one.name in there}
    return found


def _texts(node: ast.expr, names: Mapping[str, ast.expr], depth: int = 0) -> list[str]:
    """Return the texts an expression may come to, as far as reading tells."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined([_texts(one, names, depth) for one in (node.left, node.right)])
    if isinstance(node, ast.JoinedStr):
        return _joined([_texts(one, names, depth) for one in node.values])
    return [text for one in _alternatives(node, names, depth) for text in _texts(one, names, depth + 1)] or [FILLED]


def _alternatives(node: ast.expr, names: Mapping[str, ast.expr], depth: int) -> list[ast.expr]:
    """Return the expressions one of which is what another one comes to."""
    if isinstance(node, ast.Name):
        return [names[node.id]] if node.id in names and depth < _DEEP else []
    match node:
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
        case ast.BoolOp(values=values) | ast.Dict(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
            return values
        case ast.FormattedValue(value=value) | ast.Subscript(value=value):
            return [value]
        case ast.Call(func=ast.Attribute(attr="get" | "format" | "replace", value=value)):
            return [value]
    return []


def _joined(parts: list[list[str]]) -> list[str]:
    return ["".join(one) for one in itertools.islice(itertools.product(*parts), _MOST)]

"""``cudepot tree``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text

if TYPE_CHECKING:
    from cudepot.catalog.solution.tree import Line
    from cudepot.workflows.solutions import TargetTree

NAME = "tree"
HELP = "show the contents of environments, as a tree with sizes"
DESCRIPTION = """\
Show each target of an environment as a tree, from what was requested down to the dependencies. Each package is shown
with its own size and that of its dependencies. (*) marks packages whose dependencies are shown further up. On the far
side of an air gap the environments are those of the snapshot that is shown.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("environment", nargs="?", default="", metavar="ENVIRONMENT", help="only this one")
    parser.add_argument("--target", default="", metavar="TARGET", help="only this target: linux-64-py3.12")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.solutions import trees

    with opened(args, exclusive=False) as depot:
        found = trees(depot, args.environment, args.target)
    answer = [one._asdict() | {"lines": [_json(line) for line in one.lines]} for one in found]
    return answer, [text for one in found for text in _lines(one)], 0


def _json(line: Line) -> dict[str, object]:
    return {key: value for key, value in line._asdict().items() if key != "last"}


def _lines(one: TargetTree) -> Iterator[str]:
    yield f"{one.environment}, {one.target}: {one.projects} packages, {size_text(one.bytes)}"
    for line in one.lines:
        drawn = "".join("   " if last else "│  " for last in line.last[1:-1])
        branch = ("└─ " if line.last[-1] else "├─ ") if line.depth else ""
        together = f", {size_text(line.below)} with its dependencies" if line.below > line.bytes else ""
        size = "(*)" if line.again else f"{size_text(line.bytes)}{together}"
        yield f"{drawn}{branch}{line.name} {line.version}  {size}"

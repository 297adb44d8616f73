"""``cudepot why``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cudepot.cli.context import opened
from cudepot.cli.output import Answer

if TYPE_CHECKING:
    from cudepot.catalog.solution.why import Way, Why
    from cudepot.workflows.solutions import Since

NAME = "why"
HELP = "show what needs a package, in which environment, and since when"
DESCRIPTION = """\
Show why cudepot.lock has a package: which pin or environment asks for it, through which packages, for which targets,
and since which snapshot it has been published. On the far side of an air gap the lock is that of the shown snapshot.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("name", metavar="NAME", help="a package: numpy")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.solutions import why_locked

    with opened(args, exclusive=False) as depot:
        found, since = why_locked(depot, args.name)
    answer = {
        "name": found.name,
        "pins": [one._asdict() for one in found.pins],
        "environments": [one._asdict() for one in found.ways],
        "since": [one._asdict() for one in since],
    }
    return answer, list(_lines(found, since)), 0


def _lines(found: Why, since: tuple[Since, ...]) -> Iterator[str]:
    published = {one.version: _published(one) for one in since}
    for version in found.versions:
        yield f"{found.name} {version}: {published[version]}"
        for pin in (one for one in found.pins if one.version == version):
            yield f"  {pin.upstream}: {'a pin asks for it' if pin.why == 'pin' else pin.why}"
        for way in (one for one in found.ways if one.version == version):
            targets = "all targets" if way.everywhere else ", ".join(way.targets)
            yield f"  environment {way.environment} ({targets}): {_way(way)}"


def _published(one: Since) -> str:
    if not one.number:
        return "not published yet"
    return f"published {'at least ' if one.or_before else ''}since snapshot {one.number} ({one.created})"


def _way(way: Way) -> str:
    return " > ".join(way.chain) if len(way.chain) > 1 else "asked for"

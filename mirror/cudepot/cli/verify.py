"""``cudepot verify``."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text
from cudepot.errors import TrustError

NAME = "verify"
HELP = "hash store and site again, check signatures and indexes"
DESCRIPTION = """\
Hash every object of the store and every file the site shows, check the signature of every snapshot and the chain
between them, and follow each index of the site to its packages. Changes nothing; exit status 5 when a fault is found.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options (it has none)."""


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.verify import verify

    with opened(args) as depot:
        result = verify(depot)
    lines = [f"FAULT {one}" for one in result.faults]
    checked = f"{result.objects} objects ({size_text(result.bytes)}), {result.snapshots} snapshots"
    verdict = f"{len(result.faults)} faults" if result.faults else "all good"
    lines.append(f"checked {checked}, {result.site_files} site files: {verdict}")
    if result.faults:
        lines.append("to mend: remove the damaged objects, the folder of the snapshot that is shown, or both;")
        lines.append(
            "then run cudepot sync, repackage and publish: what is missing is fetched, built and written again"
        )
    return asdict(result), lines, TrustError.exit_code if result.faults else 0

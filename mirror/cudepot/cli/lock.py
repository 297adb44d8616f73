"""``cudepot lock``."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text

NAME = "lock"
HELP = "resolve the pins into cudepot.lock, every artifact by hash"
DESCRIPTION = """\
Resolve the pins of cudepot.toml against the upstreams: verify each root signature, follow it to the index and
to every package and dependency, and write cudepot.lock. An upstream whose root did not change costs one request.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would change; write no lock")
    parser.add_argument("--allow-rollback", action="store_true", help="accept a root older than one seen before")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.lock import make_lock

    with opened(args) as depot:
        result = make_lock(depot, dry_run=args.dry_run, allow_rollback=args.allow_rollback)
    lock = result.lock
    external = {one.name: list(one.external) for one in lock.upstreams if one.external}
    total = sum({one.digest: one.digest.size for one in lock.artifacts}.values())
    lines = [f"+ {one}" for one in result.added]
    lines += [f"- {one}" for one in result.removed]
    lines += [f"! {one}: other bytes than before" for one in result.changed]
    for name, relations in external.items():
        lines.append(f"{name}: the distribution must provide: {', '.join(relations)}")
    did = "would write" if args.dry_run else "wrote" if result.written else "unchanged:"
    lines.append(f"{did} cudepot.lock: artifacts: {len(lock.artifacts)}, {size_text(total)}")
    answer = {
        "written": result.written,
        "added": list(result.added),
        "removed": list(result.removed),
        "changed": list(result.changed),
        "external": external,
        "artifacts": [asdict(one) for one in lock.artifacts],
        "bytes": total,
    }
    return answer, lines, 0

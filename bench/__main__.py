"""``scripts/bench NAME [--json] [--only TEXT]``, or ``all``, which writes ``docs/performance.md`` anew."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import (
    apt,
    conda,
    debs,
    doctor,
    edge,
    environments,
    faults,
    main_job,
    nochange,
    repackage,
    report,
    rpms,
    scale,
    site,
    workers,
    yum,
)
from bench.installed import LACKING, left_out
from bench.rows import Row, table

BENCHES: dict[str, Callable[..., list[Row]]] = {
    "apt": apt.run,
    "conda": conda.run,
    "debs": debs.run,
    "doctor": doctor.run,
    "edge": edge.run,
    "environments": environments.run,
    "main": main_job.run,
    "nochange": nochange.run,
    "repackage": repackage.run,
    "rpms": rpms.run,
    "site": site.run,
    "workers": workers.run,
    "yum": yum.run,
}
SELECTABLE = {"apt": apt.run, "repackage": repackage.run, "yum": yum.run}
"""Benches whose rows can be taken one by one."""


def main() -> None:
    """Take what is asked for and tell its rows."""
    args = _asked()
    if args.name is None:
        for name, bench in {**BENCHES, "faults": faults, "scale": scale}.items():
            print(f"{name:10} {(bench.__doc__ or '').splitlines()[0]}")
    elif args.name in OTHERS:
        with tempfile.TemporaryDirectory(prefix=f"cudepot-{args.name}-") as folder:
            sys.exit(OTHERS[args.name](Path(folder), args))
    else:
        failed = [name for name in (BENCHES if args.name == "all" else [args.name]) if not _taken(name, args)]
        if failed:
            sys.exit(f"failed: {', '.join(failed)}; of these docs/performance.md has what it had")


OTHERS: dict[str, Callable[[Path, argparse.Namespace], int]] = {
    "faults": lambda folder, args: faults.main(folder, as_json=args.json),
    "scale": lambda folder, args: scale.main(folder, as_json=args.json, large=args.large),
}
"""What gives something else than rows."""


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=[*sorted(BENCHES), "all", *OTHERS], help="none: list them")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only rows of apt, yum or repackage that have TEXT in their name"
    )
    parser.add_argument("--write", action="store_true", help="put the rows into docs/performance.md, as all does")
    parser.add_argument("--index", action="store_true", help="environments: real ones, from the index pip uses here")
    parser.add_argument("--large", action="store_true", help="scale: up to 100,000 packages")
    args = parser.parse_args()
    if args.large and args.name != "scale":
        parser.error("--large is for scale")
    if args.index and args.name != "environments":
        parser.error("--index is for environments")
    if args.only and args.name not in SELECTABLE:
        parser.error("--only is for " + ", ".join(sorted(SELECTABLE)))
    if args.write and (args.only or args.name not in (*BENCHES, "all")):
        parser.error("--write is for whole benches")
    return args


def _taken(name: str, args: argparse.Namespace) -> bool:
    """Take a bench, tell its rows, and write them where that is asked for; return whether it went well."""
    LACKING.clear()
    try:
        rows = _rows(name, args.only, real=args.index)
    except Exception as error:  # noqa: BLE001 - of `all` the others are taken all the same
        print(f"bench {name}: {type(error).__name__}: {error}", file=sys.stderr)
        return False
    print("\n".join(json.dumps(row.as_json()) for row in rows) if args.json else table(rows), flush=True)
    if left_out():
        print(left_out(), file=sys.stderr)
    if args.write or args.name == "all":
        report.write({name: rows})
    return True


def _rows(name: str, only: str = "", *, real: bool = False) -> list[Row]:
    print(f"bench {name}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="cudepot-bench-") as folder:
        if real:
            return environments.run_real(Path(folder))
        return SELECTABLE[name](Path(folder), only) if name in SELECTABLE else BENCHES[name](Path(folder))


if __name__ == "__main__":
    main()

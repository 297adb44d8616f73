"""``scripts/bench NAME [--json] [--only TEXT]``, or ``all``, which writes ``docs/performance.md`` anew."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import apt, doctor, faults, main_job, nochange, repackage, report, scale, site, yum
from bench.rows import Row, table

BENCHES: dict[str, Callable[..., list[Row]]] = {
    "apt": apt.run,
    "doctor": doctor.run,
    "main": main_job.run,
    "nochange": nochange.run,
    "repackage": repackage.run,
    "site": site.run,
    "yum": yum.run,
}
SELECTABLE = {"apt": apt.run, "repackage": repackage.run, "yum": yum.run}
"""Benches whose rows can be taken one by one."""


def main() -> None:
    """Run one bench and print its rows."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=[*sorted(BENCHES), "all", "faults", "scale"], help="none: list them")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only rows of apt, yum or repackage that have TEXT in their name"
    )
    parser.add_argument("--large", action="store_true", help="scale: up to 100,000 packages")
    args = parser.parse_args()
    if args.large and args.name != "scale":
        parser.error("--large is for scale")
    if args.only and args.name not in SELECTABLE:
        parser.error("--only is for " + ", ".join(sorted(SELECTABLE)))
    if args.name is None:
        for name, bench in BENCHES.items():
            print(f"{name:10} {(bench.__doc__ or '').splitlines()[0]}")
        for name, other in {"faults": faults, "scale": scale}.items():
            print(f"{name:10} {(other.__doc__ or '').splitlines()[0]}")
        return
    if args.name == "scale":
        with tempfile.TemporaryDirectory(prefix="cudepot-scale-") as folder:
            sys.exit(scale.main(Path(folder), as_json=args.json, large=args.large))
    if args.name == "faults":
        with tempfile.TemporaryDirectory(prefix="cudepot-faults-") as folder:
            sys.exit(faults.main(Path(folder), as_json=args.json))
    if args.name == "all":
        measured = {name: _rows(name) for name in BENCHES}
        report.write(measured)
    else:
        measured = {args.name: _rows(args.name, args.only)}
    for rows in measured.values():
        print("\n".join(json.dumps(row.as_json()) for row in rows) if args.json else table(rows))


def _rows(name: str, only: str = "") -> list[Row]:
    print(f"bench {name}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="cudepot-bench-") as folder:
        return SELECTABLE[name](Path(folder), only) if name in SELECTABLE else BENCHES[name](Path(folder))


if __name__ == "__main__":
    main()

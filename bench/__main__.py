"""``scripts/bench NAME [--json]``."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from bench import apt, main_job, nochange
from bench.rows import table

BENCHES = {"apt": apt.run, "main": main_job.run, "nochange": nochange.run}


def main() -> None:
    """Run one bench and print its rows."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(BENCHES), help="what to measure; none: list them")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    args = parser.parse_args()
    if args.name is None:
        for name, bench in BENCHES.items():
            print(f"{name:10} {(bench.__doc__ or '').splitlines()[0]}")
        return
    with tempfile.TemporaryDirectory(prefix="cudepot-bench-") as folder:
        rows = BENCHES[args.name](Path(folder))
    print("\n".join(json.dumps(row.as_json()) for row in rows) if args.json else table(rows))


if __name__ == "__main__":
    main()

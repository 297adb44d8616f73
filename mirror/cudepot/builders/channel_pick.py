"""A program of its own: picks packages of a conda channel with all that they need there, by rattler's solver.

One JSON object on stdin: ``{"platform": "linux-64", "specs": [...], "records": {"linux-64/NAME.conda": {…}, …}}``; one
on stdout: ``{"picked": ["linux-64/NAME.conda", …], "refused": ""}``. What the channel does not have by name is another
channel's or the machine's to provide. It is a child, because rattler's threads may crash an interpreter that ends in
the ordinary way.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import rattler

_MOST = 400  # characters of the solver's explanation


def _name(spec: str) -> str:
    return re.split(r"[\s\[=<>!~]", spec.strip(), maxsplit=1)[0]


def _within(record: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """Return a record that speaks of this channel's names only."""
    kept = {key: [one for one in record.get(key, ()) if _name(one) in names] for key in ("depends", "constrains")}
    return {"build_number": 0, **record, **kept}


def _sources(job: Mapping[str, Any], folder: Path) -> Iterator[rattler.SparseRepoData]:
    names = {one["name"] for one in job["records"].values()}
    for subdir in (job["platform"], "noarch"):
        inside = {
            path.partition("/")[2]: _within(one, names)
            for path, one in job["records"].items()
            if path.startswith(f"{subdir}/")
        }
        path = folder / f"{subdir}.json"
        older = {name: one for name, one in inside.items() if name.endswith(".tar.bz2")}
        newer = {name: one for name, one in inside.items() if name not in older}
        path.write_text(json.dumps({"info": {"subdir": subdir}, "packages": older, "packages.conda": newer}))
        yield rattler.SparseRepoData(rattler.Channel("file:///nowhere"), subdir, path)


def picked(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the solution, or why there is none."""
    specs = [rattler.MatchSpec(one, strict=False) for one in job["specs"]]
    with tempfile.TemporaryDirectory() as folder:
        sources = list(_sources(job, Path(folder)))
        try:
            found = asyncio.run(rattler.solve_with_sparse_repodata(specs=specs, sparse_repodata=sources))
        except Exception as error:  # noqa: BLE001 - whatever the solver refuses is no solution
            said = " ".join(re.sub(r"[│├└─]+", " ", str(error)).split())
            return {"picked": [], "refused": said[:_MOST]}
    return {"picked": sorted(f"{one.subdir}/{one.file_name}" for one in found), "refused": ""}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(picked(json.load(sys.stdin))))
    sys.stdout.flush()
    os._exit(0)

"""Wheels that are to be built under one name and would differ: `lock` says so, before anything is built.

NVIDIA names wheels by the major version of CUDA alone. Two variants of one major (10.1 and 10.2) are told apart by
the output ``cuda-wheel``, whose version names the variant.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.ecosystems import Output
from cudepot.catalog.lock import Lock
from cudepot.catalog.nvidia.cuda_variant import same_cuda
from cudepot.depot.builds import Job, jobs_of
from cudepot.errors import ConfigError, PinError
from cudepot.workflows.build.recipes import wheel_rules


class _Name(NamedTuple):
    """What a wheel's name follows from, but for what its bytes decide."""

    project: str
    version: str
    platform: str


def wheel_clashes(recipes: Path, lock: Lock, settled: Sequence[str] = ()) -> dict[str, PinError]:
    """Return the upstreams of which a wheel would have another one's name, and why: each is told of one.

    Args:
        recipes: folder of the recipes.
        lock: all that is locked.
        settled: upstreams that were locked before, and are not to blame for what came after.
    """
    found: dict[str, PinError] = {}
    taken: dict[_Name, Job] = {}
    jobs = [one for one in jobs_of(lock) if Output.WHEEL in one.outputs and not one.release.part]
    for job in sorted(jobs, key=lambda one: one.artifacts[0].upstream not in settled):
        upstream = job.artifacts[0].upstream
        for name in _names(recipes, job):
            first = taken.setdefault(name, job)
            if first.release.cuda != job.release.cuda and upstream not in settled:
                found.setdefault(upstream, _clash(name, first, job))
    return found


def _names(recipes: Path, job: Job) -> Iterator[_Name]:
    with contextlib.suppress(ConfigError):  # without rules for it nothing is built: `repackage` says so
        rules = wheel_rules(recipes, job.recipe)
        yield _Name(rules.entry(job.release).name, job.release.version, job.release.subdir)


def _clash(name: _Name, one: Job, other: Job) -> PinError:
    first, second = one.release.cuda, other.release.cuda
    told = f"{name.project} {name.version} for CUDA {first} and for CUDA {second}, on {name.platform}, would be wheels "
    told += "of one name and differ"
    if same_cuda(first, second):
        less, exact = sorted((first, second), key=len)
        hint = f'if both are for CUDA {exact}: `cuda = "{exact}"` in the pin of what says {less} only'
        return PinError(told, hint=hint)
    asked = {output for artifact in other.artifacts for output in artifact.outputs} - {Output.WHEEL}
    asked.add(Output.CUDA_WHEEL)
    outputs = ", ".join(f'"{one}"' for one in Output if one in asked)
    return PinError(
        told,
        hint=f"`outputs = [{outputs}]` in the pin of CUDA {second} makes it {name.version}+cuda{second}.…, and leaves "
        "the other's name; one pin for both names both so",
    )

"""Kills, flipped bits and cut files over all verbs: nothing lost, nothing wrong served, everything found by `verify`.

Every verb runs in a forked child of this process. A kill comes from inside, at a random one of the child's system
calls that touch files (Python's audit events), or from outside after a random time. Then the site must show the old
or the new snapshot whole, every object must be what its name says, the same verb must finish its work when it is run
again, and ``verify`` must find nothing. Sites are folders, and buckets of moto's server; packages are debs, an archive
to repackage, and environments: of wheels from three indexes, of conda packages from a channel.

A flipped bit or a cut must be found by ``verify``; in a bundle, by ``import``.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from simulator.keys import KeyHome
from simulator.team_process import serving, serving_folder

from bench.faults_harm import cut, flip, objects_right, shown_whole, state_files, touches_only_held
from bench.faults_run import run, said
from bench.faults_s3 import buckets
from bench.faults_world import Scene, copy, scenes


@dataclass
class Counts:
    """What was done to the projects, and what came of it."""

    kills: Counter[str] = field(default_factory=Counter)
    kept_old: int = 0
    shown_new: int = 0
    harms: Counter[str] = field(default_factory=Counter)
    found: int = 0
    repaired: int = 0
    failures: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Return the counts as ``--json`` prints them."""
        return {
            "bench": "faults",
            "kills": self.kills.total(),
            "kills_by_verb": dict(sorted(self.kills.items())),
            "old_site_shown": self.kept_old,
            "new_site_shown": self.shown_new,
            "harms": self.harms.total(),
            "harms_by_place": dict(sorted(self.harms.items())),
            "found": self.found,
            "repaired": self.repaired,
            "failures": self.failures,
        }


class Campaign:
    """Harms copies of the states in ``work``, one after the other, and counts."""

    def __init__(self, folder: Path, seed: int, say: Callable[[str], None] = lambda _: None) -> None:
        self.work, self.random, self.counts, self._say = folder / "work", random.Random(seed), Counts(), say
        self._open = contextlib.ExitStack()
        keys, self._s3 = self._open.enter_context(KeyHome()), self._open.enter_context(buckets(folder / "s3"))
        indexes = self._open.enter_context(serving(folder / "indexes"))
        channels = folder / "channels", self._open.enter_context(serving_folder(folder / "channels"))
        self.scenes, self.medium = scenes(folder / "world", keys, self._s3, indexes, channels)
        self._events: dict[str, tuple[int, float]] = {}

    def close(self) -> None:
        """Forget the keys and end the server."""
        self._open.close()

    def kill(self, times: int) -> None:
        """Kill verbs so many times, each scene as often as the others; one that was done before its end counts not."""
        for turn in range(4 * times):
            if self.counts.kills.total() >= times:
                return
            scene = self.scenes[turn % len(self.scenes)]
            with self._noted(f"{scene.name} killed (turn {turn})"):
                self._kill(scene)

    def _kill(self, scene: Scene) -> None:
        events, seconds = self._measured(scene)
        project, verb = self._fresh(scene)
        before = self._shown(project)
        if self.random.random() < 0.25:
            code, _ = run(project, *verb, seconds=self.random.uniform(0.001, seconds))
        else:
            code, _ = run(project, *verb, stop=self.random.randint(1, events))
        self.counts.kills[scene.name] += code == -signal.SIGKILL
        after = self._shown(project)
        self.counts.kept_old += after == before
        self.counts.shown_new += after != before
        objects_right(project)
        for one in (verb, *scene.after, ("verify",)):
            code, _ = run(project, *one)
            assert code == 0 or (one[0] == "rollback" and "published last" in said(project)), f"{one}: {said(project)}"
        self._shown(project)
        if scene.bucket is not None:
            self._s3.whole(project)

    def _shown(self, project: Path) -> int:
        toml = project / "cudepot.toml"
        return self._s3.shown(project) if toml.exists() and self._s3.bucket_of(project) else shown_whole(project)

    def _measured(self, scene: Scene) -> tuple[int, float]:
        """Return how many events and seconds a verb has when nobody disturbs it."""
        if scene.state.parent.name not in self._events:
            project, verb = self._fresh(scene)
            start = time.perf_counter()
            code, events = run(project, *verb)
            assert code == 0, said(project)
            self._events[scene.state.parent.name] = (events, time.perf_counter() - start)
        return self._events[scene.state.parent.name]

    def _fresh(self, scene: Scene) -> tuple[Path, tuple[str, ...]]:
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        project = self.work / scene.state.name
        copy(scene.state, project)
        if scene.bucket is not None:
            self._s3.point(project, self._s3.fresh(scene.bucket))
        if scene.verb[0] == "verify":
            flip(next(iter((project / "store/upstreams").glob("*.json"))), self.random)
        return project, tuple(word.replace("OUT", str(self.work)) for word in scene.verb)

    def harm(self, times: int) -> None:
        """Flip bits of, and cut, files of store, site and bundles."""
        near = next(one for one in self.scenes if one.state.parent.name == "near-export")
        far = next(one for one in self.scenes if one.state.parent.name == "far-third")
        team = next(one for one in self.scenes if one.state.parent.name == "ml-rollback")
        channel = next(one for one in self.scenes if one.state.parent.name == "conda-rollback")
        bucket = next(one for one in self.scenes if one.state.parent.name == "s3-rollback")
        for turn in range(times):
            with self._noted(f"harm (turn {turn})"):
                if turn % 4 == 3:
                    self._harm_bundle(far)
                elif turn % 8 == 6:
                    self._harm_bucket(bucket)
                else:
                    self._harm_project((far, near, channel if turn % 16 == 2 else team)[turn % 4])

    def _harm_project(self, scene: Scene) -> None:
        project, _ = self._fresh(scene)
        places: defaultdict[str, list[Path]] = defaultdict(list)
        for one in state_files(project):
            places["/".join(one.relative_to(project).parts[:2])].append(one)
        place = self.random.choice(list(places))  # first: most files are objects
        file = self.random.choice(places[place])
        how = self._harm(file)
        self.counts.harms[f"{place} ({how})"] += 1
        code, _ = run(project, "verify")
        assert code in (3, 5), f"{file} {how}: not found"
        self.counts.found += 1
        if file.name != "FORMAT":
            self._repair(project, file)

    def _repair(self, project: Path, file: Path) -> None:
        run(project, "verify", "--repair")
        if project.name != "far":
            for verb in (("sync",), ("repackage",), ("publish",)):
                code, _ = run(project, *verb)
                assert code == 0, f"{verb} after repair of {file}: {said(project)}"
            shown_whole(project)
            objects_right(project)
            self.counts.repaired += 1

    def _harm_bucket(self, scene: Scene) -> None:
        project, _ = self._fresh(scene)
        key, how = self._s3.harm(project, self.random)
        self.counts.harms[f"bucket/{key.split('/', 1)[0]} ({how})"] += 1
        code, _ = run(project, "verify")
        assert code == 5, f"{key} {how}: not found"
        self.counts.found += 1
        run(project, "verify", "--repair")
        self._s3.whole(project)
        code, _ = run(project, "verify")
        assert code == 0, f"after repair of {key}: {said(project)}"
        self.counts.repaired += 1

    def _harm_bundle(self, scene: Scene) -> None:
        project, _ = self._fresh(scene)
        volume = self.work / "three.tar"
        shutil.copy(self.medium / "three.tar", volume)
        while (how := self._harm(volume)) and touches_only_held(project, self.medium / "three.tar", volume):
            shutil.copy(self.medium / "three.tar", volume)  # bytes of an object that is there are never read
        self.counts.harms[f"bundle ({how})"] += 1
        before = shown_whole(project)
        code, _ = run(project, "bundle", "import", str(volume))
        assert code in (5, 10), f"bundle {how}: exit {code}: {said(project)}"
        assert len(list((project / "store/snapshots").glob("*.asc"))) == 2
        assert shown_whole(project) == before
        self.counts.found += 1
        for verb in (("bundle", "import", str(self.medium / "three.tar")), ("publish",), ("verify",)):
            code, _ = run(project, *verb)
            assert code == 0, f"{verb} after a bad bundle: {said(project)}"
        self.counts.repaired += 1

    def _harm(self, file: Path) -> str:
        return (cut if self.random.random() < 0.3 else flip)(file, self.random)

    @contextlib.contextmanager
    def _noted(self, what: str) -> Iterator[None]:
        try:
            yield
        except (AssertionError, OSError, ValueError, KeyError) as error:
            self.counts.failures.append(f"{what}: {type(error).__name__}: {error}")
            self._say(self.counts.failures[-1])


def campaign(folder: Path, *, kills: int, harms: int, seed: int, say: Callable[[str], None]) -> Counts:
    """Do so many kills and harms, and return what came of them."""
    one = Campaign(folder, seed, say)
    try:
        one.kill(kills)
        one.harm(harms)
    finally:
        one.close()
    return one.counts


def main(folder: Path, *, as_json: bool) -> int:
    """Run the whole campaign and print the counts; return 1 when anything was lost or wrong."""
    start = time.perf_counter()
    seed = int(os.environ.get("CUDEPOT_FAULTS_SEED") or time.time_ns())
    counts = campaign(folder, kills=208, harms=208, seed=seed, say=lambda line: print(line, file=sys.stderr))
    told = counts.as_json() | {"seed": seed, "seconds": round(time.perf_counter() - start, 1)}
    print(json.dumps(told) if as_json else json.dumps(told, indent=1))
    return 1 if counts.failures else 0

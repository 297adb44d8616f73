"""Kills of coordinators, workers and the scheduler at any moment, and what has to hold after each of them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from simulator.dask import Cluster
from simulator.project import Project
from tests.stores.machines import Machines

_WAIT = 240  # seconds until a run must have ended, on a busy machine
_VICTIMS = {"coordinator": 4, "worker": 2, "both": 1, "workers": 1, "scheduler": 1, "all": 1}
_GC, _LOST_RACE = 0.2, 9  # how often another machine tidies up meanwhile; how who comes second ends
_LATE = 0.3
_EVERY = 5  # kills after which a machine has to finish
_DONE = (0, 14)
_NO_SCHEDULER = (3, 4)  # it was lost before the run reached it, or after


@dataclass
class Campaign:
    """Runs that are killed.

    Attributes:
        machines: what all have in common.
        cluster: the workers.
        setup: gives a bare machine its upstreams.
        news: changes an upstream, so that there is something to do; told the number of the round.
        chance: decides what is killed, and when.
        shown: number → hash of every snapshot that any machine ever showed.
        log: is told how far it is.
    """

    machines: Machines
    cluster: Cluster
    setup: Callable[[Project], Project]
    news: Callable[[int], object]
    chance: random.Random
    shown: dict[int, str] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    took: float = 4.0
    log: Callable[[str], object] = lambda _: None
    machine: Project | None = None
    _hashed: dict[str, str] = field(default_factory=dict)

    def run(self, kills: int) -> None:
        """Kill that many times, and look after each; every few of them, and in the end, let a machine finish."""
        finished = 0
        while (count := sum(self.kills.values())) < kills:
            if count % 3 == 0:
                self.news(count)
            self._round()
            self.look()
            if sum(self.kills.values()) >= finished + _EVERY:
                finished = sum(self.kills.values())
                self.finish()
        self.finish()

    def _round(self) -> None:
        """Begin a run on a machine, which may be a bare one, and kill it or its helpers in the middle, or several."""
        machine, began, struck = self._machine(), time.monotonic(), set[str]()
        child = machine.start("run", "--workers", self.cluster.address)
        tidying = self._tidying() if self.chance.random() < _GC else None
        while self._is_running(child) and not struck & {"coordinator", "both", "all", "scheduler"}:
            struck.add(victim := self.chance.choices(list(_VICTIMS), list(_VICTIMS.values()))[0])
            self.kills[victim] = self.kills.get(victim, 0) + 1
            self._strike(victim, child)
        out, err = child.communicate(timeout=_WAIT)
        self._ends(child.returncode, struck, out + err, is_alone=tidying is None)
        if tidying:
            out, err = tidying.communicate(timeout=_WAIT)
            assert tidying.returncode in (0, _LOST_RACE), out + err
        if not struck:
            self.took = 0.7 * self.took + 0.3 * (time.monotonic() - began)
        self.cluster.revive(anew=bool(struck & {"scheduler", "all"}))
        self._note(machine)
        if self.chance.random() < 0.4:
            self.machines.throw_away(machine)
            self.machine = None

    def _is_running(self, child: subprocess.Popen[str]) -> bool:
        """Wait for a moment, and return whether the run goes on."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(self.chance.uniform(0, self.took))
        return child.poll() is None

    def _strike(self, victim: str, child: subprocess.Popen[str]) -> None:
        helpers = sorted(self.cluster.children.keys() - {"scheduler"})
        some = [self.chance.choice(helpers)] if victim in ("worker", "both") else helpers
        lost = {"coordinator": [], "scheduler": ["scheduler"], "all": ["scheduler", *helpers]}.get(victim, some)
        for name in lost:
            self.cluster.kill(name)
        if victim in ("coordinator", "both", "all"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        if "scheduler" in lost and self.chance.random() < _LATE:
            return  # until after the run
        for name in lost:
            self.cluster.start(name)
        for name in helpers if lost == ["scheduler"] else ():  # they end by themselves, and their supervisor sees it
            self.cluster.kill(name)
            self.cluster.start(name)

    def _tidying(self) -> subprocess.Popen[str]:
        """Begin `gc` on another machine, which waits for nothing: whatever is not named goes at once."""
        other = self.setup(self.machines.new("tidy", grace_hours=0))
        return other.start("gc", "--force", "--keep", "1000")

    def _ends(self, code: int, struck: set[str], said: str, *, is_alone: bool) -> None:
        """Hold that a run whose helpers were lost completes, or says that the scheduler, or a race, is lost."""
        if code == -signal.SIGKILL:
            assert struck & {"coordinator", "both", "all"}, said
        elif code == _LOST_RACE:
            assert not is_alone, said
        elif "scheduler" in struck:
            assert code in (*_DONE, *_NO_SCHEDULER), said
        else:
            assert code in _DONE, said

    def _machine(self) -> Project:
        if self.machine is None:
            self.machine = self.setup(self.machines.new("m"))
            shutil.rmtree(self.machine.store, ignore_errors=True)
        return self.machine

    def _note(self, machine: Project) -> None:
        """Note what the machine's site shows; it is whole, whatever was killed."""
        page = machine.site / "snapshot.json"
        if not page.is_file():
            return
        body = page.read_bytes()
        snapshot = json.loads(body)
        for path, (sha256, size) in tree_of(snapshot).items():
            data = (machine.site / path).read_bytes()
            assert (hashlib.sha256(data).hexdigest(), len(data)) == (sha256, size), path
        told = hashlib.sha256(body).hexdigest()
        assert self.shown.setdefault(snapshot["number"], told) == told, "a number was given twice"

    # what always holds

    def look(self) -> None:
        """Hold that the bucket is a whole store, which has all that was ever shown."""
        listed = self.machines.tagged()
        if "state.json" not in listed:
            assert not self.shown
            return
        for key, tag in listed.items():
            room, _, name = key.rpartition("/")
            if room.startswith(("objects/", "records/")) and self._hashed.get(key) != tag:
                assert hashlib.sha256(self.machines.get(key)).hexdigest() == name, key
                self._hashed[key] = tag
        state = json.loads(self.machines.get("state.json"))
        files = json.loads(self.machines.get(_record(state["tree"][0])))["files"]
        for path, one in files.items():
            assert isinstance(one, str) or _record(one[0]) in listed, path
        there = dict(self._snapshots())
        for number, told in self.shown.items():
            assert hashlib.sha256(there[number].encode()).hexdigest() == told, number
        for one in self._named():
            assert f"objects/{one[:2]}/{one}" in listed

    def _snapshots(self) -> Iterator[tuple[int, str]]:
        for key in self.machines.listed("snapshots/"):
            body = json.loads(self.machines.get(key))["document"]
            yield json.loads(body)["number"], body

    def finish(self) -> None:
        """Let a machine, which may be bare, do the work: no loss, no fault, and nothing for `gc` that is shown."""
        last = self._machine()
        done = last.run("run", "--workers", self.cluster.address, check=False, timeout=_WAIT)
        assert done.rc in _DONE, done
        self._note(last)
        self.look()
        assert last.run("verify", "--json", timeout=_WAIT).json["faults"] == []
        found = last.run("gc", "-n", "--force", "--keep", "1000", "--json", timeout=_WAIT).json
        assert found["removed"] == []
        assert found["objects"] <= len(self.machines.listed("objects/")) - len(self._named())
        self.log(f"{sum(self.kills.values())} kills {self.kills}; {len(self.shown)} snapshots shown, all whole")

    def _named(self) -> set[str]:
        return {one for _, body in self._snapshots() for one, _ in tree_of(json.loads(body)).values()}


def _record(sha256: str) -> str:
    return f"records/{sha256[:2]}/{sha256}"


def tree_of(snapshot: dict[str, object]) -> dict[str, tuple[str, int]]:
    """Return path → (sha256, size) of a snapshot's document."""
    tree = snapshot["tree"]
    assert isinstance(tree, dict)
    return {path: (one["sha256"], one["size"]) for path, one in tree.items()}

"""Kills of coordinators and workers at any moment, and what has to hold after each of them."""

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
    """

    machines: Machines
    cluster: Cluster
    setup: Callable[[Project], Project]
    news: Callable[[int], object]
    chance: random.Random
    shown: dict[int, str] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    took: float = 4.0
    machine: Project | None = None

    def run(self, kills: int) -> None:
        """Kill that many times, and look after each; then let a bare machine finish."""
        for number in range(kills):
            if number % 3 == 0:
                self.news(number)
            self._round()
            self.look()
        self.finish()

    def _round(self) -> None:
        """Begin a run on a machine, which may be a bare one, and kill it or a worker in the middle."""
        machine = self._machine()
        began = time.monotonic()
        child = machine.start("run", "--workers", self.cluster.address)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(self.chance.uniform(0, self.took * 1.2))
        victim = self.chance.choice(["coordinator", "coordinator", "worker", "both"])
        self.kills[victim] = self.kills.get(victim, 0) + 1
        if victim != "coordinator":
            name = self.chance.choice([one for one in self.cluster.children if one != "scheduler"])
            self.cluster.kill(name)
            self.cluster.worker(name)
        if victim != "worker":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        out, err = child.communicate(timeout=_WAIT)
        if child.returncode != -signal.SIGKILL:
            assert child.returncode in (0, 14), (out, err)
            self.took = 0.7 * self.took + 0.3 * (time.monotonic() - began)
        self._note(machine)
        if self.chance.random() < 0.4:
            self.machines.throw_away(machine)
            self.machine = None

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
        listed = set(self.machines.listed())
        if "state.json" not in listed:
            assert not self.shown
            return
        for key in listed:
            room, _, name = key.rpartition("/")
            if room.startswith(("objects/", "records/")):
                assert hashlib.sha256(self.machines.get(key)).hexdigest() == name, key
        state = json.loads(self.machines.get("state.json"))
        files = json.loads(self.machines.get(_record(state["tree"][0])))["files"]
        for path, one in files.items():
            assert isinstance(one, str) or _record(one[0]) in listed, path
        there = dict(self._snapshots(listed))
        for number, told in self.shown.items():
            assert hashlib.sha256(there[number].encode()).hexdigest() == told, number
        for number, body in there.items():
            for path, (sha256, _) in tree_of(json.loads(body)).items():
                assert f"objects/{sha256[:2]}/{sha256}" in listed, (number, path)

    def _snapshots(self, listed: set[str]) -> Iterator[tuple[int, str]]:
        for key in listed:
            if key.startswith("snapshots/"):
                body = json.loads(self.machines.get(key))["document"]
                yield json.loads(body)["number"], body

    def finish(self) -> None:
        """Let a bare machine do the work: no loss, no fault."""
        if self.machine is not None:
            self.machines.throw_away(self.machine)
            self.machine = None
        last = self._machine()
        done = last.run("run", "--workers", self.cluster.address, check=False, timeout=_WAIT)
        assert done.rc in (0, 14), done
        self._note(last)
        self.look()
        assert last.run("verify", "--json", timeout=_WAIT).json["faults"] == []


def _record(sha256: str) -> str:
    return f"records/{sha256[:2]}/{sha256}"


def tree_of(snapshot: dict[str, object]) -> dict[str, tuple[str, int]]:
    """Return path → (sha256, size) of a snapshot's document."""
    tree = snapshot["tree"]
    assert isinstance(tree, dict)
    return {path: (one["sha256"], one["size"]) for path, one in tree.items()}

"""A Dask cluster on loopback: a scheduler and workers, each a process that can be killed and started again."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simulator.process import clean_env
from simulator.s3 import free_port

_QUIET = {"DASK_DISTRIBUTED__ADMIN__EVENT_LOOP_MONITOR_INTERVAL": "60s"}


@dataclass
class Cluster:
    """A scheduler at ``address`` and the workers by name.

    Attributes:
        folder: of logs and of what workers keep.
        env: environment of the workers: their credentials, what else they read, and PYTHONPATH, for the scheduler too.
    """

    folder: Path
    env: Mapping[str, str]
    port: int = field(default_factory=free_port)
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """What ``--workers`` is given."""
        return f"tcp://127.0.0.1:{self.port}"

    def scheduler(self) -> None:
        """Start the scheduler, and wait until it listens."""
        allowed = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "100", "PYTHONPATH": self.env["PYTHONPATH"]}
        self._start("scheduler", ["--host", "127.0.0.1", "--port", str(self.port)], allowed)
        end = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert time.monotonic() < end, (self.folder / "scheduler.log").read_text()[-2000:]
            time.sleep(0.1)

    def worker(self, name: str, threads: int = 1) -> None:
        """Start a worker, or start it again."""
        options = ["--nthreads", str(threads), "--name", name, "--no-nanny", "--death-timeout", "120"]
        local = ["--local-directory", str(self.folder / name)]
        self._start("worker", [self.address, *options, *local], self.env, name)

    def _start(self, kind: str, argv: list[str], env: Mapping[str, str], name: str = "") -> None:
        command = [sys.executable, "-m", "dask", kind, "--no-dashboard", *argv]
        with (self.folder / f"{name or kind}.log").open("ab") as log:
            self.children[name or kind] = subprocess.Popen(
                command, env=clean_env(**_QUIET, **env), stdout=log, stderr=log, cwd=self.folder
            )

    def kill(self, name: str, how: int = signal.SIGKILL) -> None:
        """End a process at once."""
        child = self.children.pop(name)
        child.send_signal(how)
        child.wait(60)

    def revive(self, *, anew: bool) -> None:
        """Start what is gone, as whoever supervises it does; with ``anew`` everything, after the scheduler was lost."""
        names = {"scheduler", *self.children} | {one.name for one in self.folder.glob("worker-*") if one.is_dir()}
        lost = {one for one in names if one not in self.children or self.children[one].poll() is not None}
        for name in sorted(names if anew else lost):
            if name in self.children:
                self.kill(name)
        for name in sorted(names if anew else lost):
            self.start(name)

    def start(self, name: str) -> None:
        """Start the scheduler, or a worker, again."""
        if name == "scheduler":
            self.scheduler()
        else:
            self.worker(name)

    def close(self) -> None:
        """End all."""
        for name in list(self.children):
            self.kill(name)


@contextlib.contextmanager
def cluster(folder: Path, env: Mapping[str, str], workers: int, threads: int = 1) -> Iterator[Cluster]:
    """Start a cluster; its workers come up while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    one = Cluster(folder, env)
    try:
        one.scheduler()
        for number in range(workers):
            one.worker(f"worker-{number}", threads)
        yield one
    finally:
        one.close()

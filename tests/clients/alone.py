"""A machine that reaches the site and nothing else: clients in a network namespace in which only it is served."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator.process import clean_env, run

import cudepot

_USER = () if os.geteuid() == 0 else ("--map-root-user",)
_SERVE = 'ip link set lo up && exec "$@"'


def why_not() -> str:
    """Return what keeps this machine from such namespaces; empty when nothing does."""
    done = run("unshare", *_USER, "--net", "sh", "-c", "ip link set lo up", check=False)
    return "" if done.returncode == 0 else f"no network namespace: {done.stderr.strip()}"


class Alone:
    """``cudepot serve`` over a project in a network of its own (a context manager).

    Attributes:
        url: the site's URL in there, without a slash at the end; ``port`` 0 is any.
        prefix: put before a command, it runs in there.
    """

    def __init__(self, project: Path, port: int = 0) -> None:
        self._project, self._port, self.url = project, port, ""
        self.prefix: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        served = [sys.executable, "-m", "cudepot.cli.main", "serve", "-C", str(self._project), "--json"]
        served += ["--port", str(self._port)]
        argv = ["unshare", *_USER, "--net", "sh", "-c", _SERVE, "sh", *served]
        env = clean_env(PYTHONPATH=str(Path(cudepot.__file__).parent.parent))
        self._server = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True)
        assert self._server.stdout is not None
        self.url = str(json.loads(self._server.stdout.readline())["url"]).rstrip("/")
        where = f"/proc/{self._server.pid}/ns"
        user = (f"--user={where}/user", "--preserve-credentials") if _USER else ()
        self.prefix = ("nsenter", *user, f"--net={where}/net", "--")
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self._server.terminate()
        self._server.communicate(timeout=30)

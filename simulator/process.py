"""Runs real tools in tests and, when one fails, says everything it printed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


class ToolError(AssertionError):
    """A real tool failed; the message holds the command and its whole output."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        argv = " ".join(map(str, done.args))
        super().__init__(f"exit {done.returncode}: {argv}\n{done.stdout}\n{done.stderr}")
        self.done = done
        self.output: str = f"{done.stdout}\n{done.stderr}"


def clean_env(**more: str) -> dict[str, str]:
    """Return an environment that carries nothing of the host's but PATH and HOME, in a neutral locale."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    kept["PATH"] = f"{kept.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"
    return kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC"} | more


def run(
    *argv: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str = "",
    timeout: float = 300,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run ``argv`` and return what it printed; raise ToolError when it fails and ``check`` is set."""
    done = subprocess.run(
        [str(one) for one in argv],
        env=dict(env) if env is not None else clean_env(),
        cwd=cwd,
        input=stdin,
        timeout=timeout,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if check and done.returncode != 0:
        raise ToolError(done)
    return done

"""Runs uv, which decides versions: a child that reaches the index on loopback alone, and no file of the user's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cudepot.builders.uv_program import find_uv
from cudepot.errors import BuildError

MOST_SECONDS = 1800
"""Seconds that uv may take for an answer."""
BUILDING = 48 * 3600
"""Seconds where wheels are built meanwhile: one build may take hours, and uv waits for what it requires."""
_NO_SOLUTION = 1
_NOWHERE = "http://127.0.0.1:9"  # the port of `discard`: what is not meant for loopback ends here


class NoSolutionError(Exception):
    """uv found no solution; the message is what it said."""


def run_lock(
    project: Path, index: str, prereleases: bool | frozenset[str] = False, *, seconds: int = MOST_SECONDS
) -> str:
    """Run ``uv lock`` in a folder with ``pyproject.toml`` and return the lock it wrote.

    Args:
        project: the folder; nothing outside it is written.
        index: URL of the only index.
        prereleases: whether all projects may come as pre-releases, or which; else only where there is nothing else.
        seconds: after which it is ended; the index may take as long over an answer.

    Raises:
        NoSolutionError: there is no solution, or a project does not exist.
        ConfigError: uv is not installed.
        BuildError: it cannot be run, or came to no end.
    """
    command = [
        find_uv(), "lock", "--project", str(project), "--python", sys.executable, "--no-python-downloads", "--no-cache",
        "--default-index", index, "--no-progress", "--color", "never", *_prereleases(prereleases),
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=project, env=_environment(project, seconds), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise BuildError(
            f"uv found no solution within {seconds // 60} minutes", hint="ask for fewer packages or targets"
        ) from error
    except OSError as error:
        raise BuildError(f"uv cannot be run: {error}", hint="install cudepot again") from error
    if done.returncode == _NO_SOLUTION:
        raise NoSolutionError(done.stderr)
    if done.returncode:
        said = " ".join(done.stderr.split())[-1000:]
        raise BuildError(f"uv ended with {done.returncode}: {said or 'without a message'}")
    return (project / "uv.lock").read_text()


def _prereleases(allowed: bool | frozenset[str]) -> list[str]:
    """Return options: with ``UV_NO_CONFIG`` uv reads no settings of a project, only what belongs to its lock."""
    if isinstance(allowed, bool):
        return ["--prerelease", "allow"] if allowed else []
    return [word for one in sorted(allowed) for word in ("--prerelease-package", f"{one}=allow")]


def _environment(project: Path, seconds: int) -> dict[str, str]:
    """Return all the variables uv gets: none of the user's, so no configuration, proxy or login of theirs."""
    home = str(project)
    return {
        "HOME": home, "TMPDIR": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home, "XDG_CACHE_HOME": home,
        "PATH": "", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "COLUMNS": "20000",
        "UV_NO_CONFIG": "1", "UV_HTTP_RETRIES": "0", "UV_HTTP_TIMEOUT": str(seconds),
        "HTTP_PROXY": _NOWHERE, "HTTPS_PROXY": _NOWHERE, "ALL_PROXY": _NOWHERE, "NO_PROXY": "127.0.0.1",
    }  # fmt: skip

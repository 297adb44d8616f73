"""One verb in a forked child, killed at one of its system calls that touch files, or from outside after a time."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from cudepot.cli.main import main as cudepot

_COUNTED = {
    "os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod",
    "subprocess.Popen", "shutil.rmtree", "os.utime", "fcntl.flock", "http.client.send",
}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def run(project: Path, *argv: str, stop: int = 0, seconds: float = 0.0) -> tuple[int, int]:
    """Run a verb in a forked child; return its exit status (-9 when it was killed) and the events it counted.

    Args:
        project: folder of cudepot.toml.
        argv: verb and options.
        stop: the child kills itself at this event; 0 for never.
        seconds: it is killed from outside after this time; 0 for never.
    """
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiver)
        _child(project, argv, stop, sender)
    os.close(sender)
    if seconds:
        time.sleep(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    told = b""
    while part := os.read(receiver, 64):
        told += part
    os.close(receiver)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), int(told or b"0")


def _child(project: Path, argv: tuple[str, ...], stop: int, sender: int) -> None:
    os.setsid()
    log = os.open(project.parent / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.set_inheritable(sender, False)
    seen = 0

    def hook(event: str, args: tuple[object, ...]) -> None:
        nonlocal seen
        if event in _COUNTED or (event == "open" and isinstance(args[2], int) and args[2] & _WRITING):
            seen += 1
            if seen == stop:
                os.kill(os.getpid(), signal.SIGKILL)

    os.environ |= {"CUDEPOT_TRIES": "1", "CUDEPOT_WAIT": "0"}
    code = 1
    try:
        sys.addaudithook(hook)
        code = cudepot([argv[0], "-C", str(project), "-q", *argv[1:]])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(sender, b"%d" % seen)
        os._exit(code)


def said(project: Path) -> str:
    """Return what the last run in a project printed."""
    return (project.parent / "said").read_text(errors="replace")[-2000:]

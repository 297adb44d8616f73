"""Makes the namespaces, mounts what may be seen, gives up every right, and runs the command; reads what as JSON.

From standard input: ``kept`` (a folder, seen as ``/build``: the one place that keeps what is written), ``tmp`` (an
empty folder, seen as ``/tmp``), ``root`` (an empty folder, where the new root is put together), ``shown`` (path outside
→ path inside, read-only), ``command``, ``environment``, ``memory`` (bytes of address space a process may have). Ends as
the command did, or with status 125 and a line that begins with ``cudepot: `` where the kernel does not allow all of it:
then nothing was run.

Linux: unshare(2), user_namespaces(7), mount_namespaces(7), pivot_root(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

_NEW = 0x00020000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000  # mount uts ipc user pid net
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_KEPT = {
    "nosuid": _NOSUID,
    "nodev": _NODEV,
    "noexec": _NOEXEC,
    "noatime": 1024,
    "nodiratime": 2048,
    "relatime": 1 << 21,
}
"""Options of a mount that one who did not make it may not drop."""
_DETACH, _DEATH_SIGNAL, _NO_NEW_RIGHTS = 2, 1, 38
_USER = 1000
_MOST_FILE = 32 << 30  # bytes of a file, what is said on the streams as well
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr")
_SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives")
"""Of ``/etc`` what compilers and the loader need, and nothing that is anybody's secret."""
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LIBC = ctypes.CDLL(None, use_errno=True)


class _RefusedError(Exception):
    """The kernel does not allow what isolation takes."""


def _call(name: str, *arguments: object) -> None:
    """Call a function of libc; raise _RefusedError where it fails."""
    ready = [one.encode() if isinstance(one, str) else one for one in arguments]
    if getattr(_LIBC, name)(*ready) != 0:
        told = " ".join(str(one) for one in arguments if isinstance(one, str))
        raise _RefusedError(f"{name} {told}".strip() + f": {os.strerror(ctypes.get_errno())}")


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    _call("mount", source, target, kind, ctypes.c_ulong(flags), data)


def _separate() -> None:
    """Leave all namespaces of the machine; the user is nobody special in the new ones."""
    user, group = os.geteuid(), os.getegid()
    _call("unshare", _NEW)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{_USER} {user} 1"), ("gid_map", f"{_USER} {group} 1")):
        Path("/proc/self", name).write_text(text, encoding="ascii")
    with contextlib.suppress(OSError):  # a second wall: no further namespaces, in which rights could be had again
        Path("/proc/sys/user/max_user_namespaces").write_text("0", encoding="ascii")


def _bind(source: str, target: Path) -> None:
    """Show a file or folder at another place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if Path(source).is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    _mount(source, str(target), None, _BIND | _REC)


def _system(root: Path) -> None:
    """Show the machine's programs and libraries, its harmless devices, and a user of no importance."""
    for place in (Path("/", name) for name in _SYSTEM):
        if place.is_symlink():
            (root / place.name).symlink_to(place.readlink())
        elif place.is_dir():
            _bind(str(place), root / place.name)
    for place in (Path("/etc", name) for name in _SETTINGS):
        if place.exists():
            _bind(str(place), root / "etc" / place.name)
    (root / "etc/passwd").write_text(f"build:x:{_USER}:{_USER}::/build/home:/bin/sh\n", encoding="ascii")
    (root / "etc/group").write_text(f"build:x:{_USER}:\n", encoding="ascii")
    for name in _DEVICES:
        _bind(f"/dev/{name}", root / "dev" / name)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (root / "dev" / name).symlink_to(f"/proc/self/fd/{number}")
    (root / "dev/fd").symlink_to("/proc/self/fd")


def _put_together(spec: dict[str, Any]) -> None:
    """Make the new root and move into it: what is not mounted there is not to be seen."""
    _mount(None, "/", None, _REC | _PRIVATE)
    root = Path(spec["root"])
    _mount("tmpfs", str(root), "tmpfs", _NOSUID | _NODEV, "size=64m,mode=755")
    (root / "etc").mkdir()
    _system(root)
    for outside, inside in spec["shown"]:
        _bind(outside, root / inside.lstrip("/"))
    _make_readonly(root)
    _bind(spec["kept"], root / "build")
    _bind(spec["tmp"], root / "tmp")
    (root / "dev/shm").mkdir()
    _mount("tmpfs", str(root / "dev/shm"), "tmpfs", _NOSUID | _NODEV, "size=256m,mode=1777")
    (root / "proc").mkdir()
    with contextlib.suppress(_RefusedError):  # in most containers; none at all then, for the one outside tells too much
        _mount("proc", str(root / "proc"), "proc", _RDONLY | _NOSUID | _NODEV | _NOEXEC)
    (root / "outside").mkdir()
    _call("pivot_root", str(root), str(root / "outside"))
    os.chdir("/")
    _call("umount2", "/outside", _DETACH)
    Path("/outside").rmdir()
    _mount(None, "/", None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)


def _make_readonly(root: Path) -> None:
    """Let nothing be changed below the new root, in whatever is mounted inside of it."""
    for point, options in list(_mounts()):
        if point.startswith(f"{root}/"):
            kept = sum(flag for name, flag in _KEPT.items() if name in options)
            _mount(None, point, None, _REMOUNT | _BIND | _RDONLY | kept)


def _mounts() -> Iterator[tuple[str, list[str]]]:
    """Give place and options of every mount (proc(5), mountinfo)."""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        fields = line.split(" ")
        yield fields[4].encode().decode("unicode_escape"), fields[5].split(",")


def _limit(memory: int) -> None:
    for what, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, _MOST_FILE), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, most))


def _run(spec: dict[str, Any]) -> NoReturn:
    """Become the command, without any right: not being root, it loses them all with execve."""
    _limit(spec["memory"])
    _call("prctl", _NO_NEW_RIGHTS, 1, 0, 0, 0)
    os.umask(0o022)
    os.chdir("/build")
    os.execve(spec["command"][0], spec["command"], spec["environment"])  # noqa: S606 - no shell is meant


def _status(waited: int) -> int:
    code = os.waitstatus_to_exitcode(waited)
    return code if code >= 0 else 128 - code


def _child(spec: dict[str, Any]) -> int:
    """Be the first process inside: its end is the end of all that the command has started."""
    _call("prctl", _DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    _put_together(spec)
    command = os.fork()
    if not command:
        _guarded(lambda: _run(spec))
    while True:
        pid, waited = os.wait()
        if pid == command:
            return _status(waited)


def _guarded(run: Any) -> NoReturn:
    """End with what is given, or say what was refused."""
    try:
        status = run()
    except (_RefusedError, OSError, ValueError) as error:
        sys.stderr.write(f"cudepot: {error}\n")
        sys.stderr.flush()
        status = 125
    os._exit(status)


def _main() -> int:
    spec = json.load(sys.stdin)
    with Path("/dev/null").open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    _separate()
    first = os.fork()
    if not first:
        _guarded(lambda: _child(spec))
    return _status(os.waitpid(first, 0)[1])


_guarded(_main)

"""One machine's files, or a mounted image of another's, and the few programs that know more about it than files do."""

from __future__ import annotations

import errno
import fnmatch
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

_MOST_LINKS = 40
_MOST_TEXT = 64 << 20
_SECONDS = 60


class Answered(NamedTuple):
    """What a program said: its exit status (127: it is not there), standard output, and all of it as one line."""

    status: int
    out: str
    line: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine to look at.

    Attributes:
        root: where its ``/`` is.
        environment: variables that lead the loader and say which environment is active.

    Links are remembered: a machine is looked at once, and thousands of paths share their first parts.
    """

    root: Path
    environment: Mapping[str, str]
    _links: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def matches(self, pattern: str) -> list[str]:
        """Return the paths of this machine that fit an absolute pattern, sorted; absolute links stay inside its root.

        ``*`` stands for any part of one name that does not begin with a dot.
        """
        found = ["/"]
        for part in filter(None, pattern.split("/")):
            found = [path for folder in found for path in self._below(folder, part)]
        return sorted(found)

    def _below(self, folder: str, part: str) -> list[str]:
        base = folder.rstrip("/")
        if not any(one in part for one in "*?["):
            return [f"{base}/{part}"] if os.path.lexists(self._at(self.real(base or "/")) / part) else []
        names = (one for one in self.names(folder) if part.startswith(".") or not one.startswith("."))
        return [f"{base}/{one}" for one in fnmatch.filter(names, part)]

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder; none when it is not there or not for us to read."""
        try:
            return os.listdir(self._at(self.real(folder)))  # noqa: PTH208 - names are wanted, Path makes objects
        except OSError:
            return []

    def real(self, path: str) -> str:
        """Return what a path leads to when all links are followed inside this machine's root.

        A link to nothing gives the path of what is missing; a circle of links gives the path itself.
        """
        parts, done = [one for one in path.split("/") if one][::-1], "/"
        links = 0
        while parts:
            part = parts.pop()
            if part == "..":
                done = os.path.dirname(done)  # noqa: PTH120 - a path of the machine, not of ours
                continue
            step = f"{done.rstrip('/')}/{part}" if part != "." else done
            target = self._link(step)
            links += bool(target)
            if links > _MOST_LINKS:
                return path
            if target:
                done = "/" if target.startswith("/") else done
                parts += [one for one in target.split("/") if one][::-1]
            else:
                done = step
        return done

    def exists(self, path: str) -> bool:
        """Return whether a path leads to a file or folder."""
        real = self.real(path)
        return self._link(real) == "" and os.path.exists(self._text(real))  # noqa: PTH110 - called as often

    def is_folder(self, path: str) -> bool:
        """Return whether a path leads to a folder."""
        return self._at(self.real(path)).is_dir()

    def is_link(self, path: str) -> bool:
        """Return whether the last part of a path is a symbolic link."""
        return self._at(path).is_symlink()

    def open(self, path: str) -> BinaryIO:
        """Open a regular file for reading; raise OSError for others: a pipe would let us wait for ever."""
        file = self._at(self.real(path))
        if not file.is_file():
            raise OSError(errno.EINVAL, "not a regular file", str(file))
        return file.open("rb")

    def text(self, path: str) -> str:
        """Return a text file, empty when it is not there or not for us to read."""
        try:
            with self.open(path) as stream:
                return stream.read(_MOST_TEXT).decode("utf-8", "replace")
        except OSError:
            return ""

    def asked(self, *command: str) -> str:
        """Return what a program of this machine prints; empty when it is not there or fails."""
        answer = self.answered(*command)
        return answer.out if answer.status == 0 else ""

    def answered(self, *command: str) -> Answered:
        """Run a program of this machine; one that does not end in a minute has failed."""
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return Answered(1, "", f"no answer after {_SECONDS} s")
        except OSError as error:
            return Answered(127, "", error.strerror or str(error))
        return Answered(done.returncode, done.stdout, " ".join(f"{done.stdout} {done.stderr}".split()))

    def size(self, path: str) -> int | None:
        """Return a file's size in bytes; None when it is not there."""
        try:
            return self._at(self.real(path)).stat().st_size
        except OSError:
            return None

    def identity(self, path: str) -> tuple[int, int]:
        """Return what hard links to one file share, device and inode; (0, 0) when it is not there."""
        try:
            found = self._at(self.real(path)).stat()
        except OSError:
            return 0, 0
        return found.st_dev, found.st_ino

    def is_this_one(self) -> bool:
        """Return whether it is the machine we run on, not an image of one."""
        return self.root == Path("/")

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _link(self, path: str) -> str:
        if path not in self._links:
            try:
                self._links[path] = os.readlink(self._text(path))  # noqa: PTH115 - called ten thousand times a look
            except OSError:
                self._links[path] = ""
        return self._links[path]

    def _text(self, path: str) -> str:
        root = str(self.root)
        return f"{'' if root == '/' else root}/{path.lstrip('/')}"

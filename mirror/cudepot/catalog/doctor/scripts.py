"""Reads which interpreter a script asks for: its first line, as execve(2) takes it, and what pip and uv write there.

A first line has to be short (127 bytes before Linux 5.1) and cannot hold a path with spaces, so installers write a
shell script in that case whose second line is a string for Python: ``'''exec' "/long/bin/python" "$0" "$@"``.
"""

from __future__ import annotations

import re
import shlex

_EXEC = re.compile(r"^'''exec' (.+?) [\"']\$0[\"'] [\"']\$@[\"']")


def interpreter(head: bytes) -> str:
    """Return the path or name of the interpreter of a script that begins so; empty where it is no script."""
    first, _, rest = head.partition(b"\n")
    if not first.startswith(b"#!"):
        return ""
    words = first[2:].decode(errors="replace").split()
    again = _EXEC.match(rest.partition(b"\n")[0].decode(errors="replace"))
    if again and words and words[0].endswith("/sh"):
        return next(iter(_words(again[1])), "")
    if words and words[0].rpartition("/")[2] == "env":
        words = [one for one in words[1:] if not one.startswith("-") and "=" not in one]
    return words[0] if words else ""


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []


def is_python(path: str) -> bool:
    """Return whether a path is named as Python's interpreters are."""
    return re.fullmatch(r"python(?:\d+(?:\.\d+)?t?)?", path.rpartition("/")[2]) is not None

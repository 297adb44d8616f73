"""How such files are named: by what they are called, and which part of one is meant."""

from __future__ import annotations

import re

_CHOICE = re.compile(r"(?P<file>.+)\[(?P<chosen>[^\[\]]*)\]")
_OURS = re.compile(r"(?:.*/)?pixi\.(?:lock|toml)|.+\.ya?ml")


def file_of(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the file of ``pixi.lock[gpu]``, and what of it is asked for.

    >>> file_of("env/pixi.lock[gpu]")
    ('env/pixi.lock', ('gpu',))
    """
    found = _CHOICE.fullmatch(text)
    if not found:
        return text, ()
    return found["file"], tuple(one.strip() for one in found["chosen"].split(",") if one.strip())


def is_named_so(name: str) -> bool:
    """Return whether a file is one of conda's or pixi's by its name; explicit files have no name of their own.

    >>> is_named_so("env/pixi.lock"), is_named_so("uv.lock"), is_named_so("environment.yml")
    (True, False, True)
    """
    return _OURS.fullmatch(name) is not None

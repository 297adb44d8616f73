"""Commands that people paste into a shell: long ones go on over several lines. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

_LINE = 6
"""Arguments of one line."""


def command(begin: str, specs: Sequence[str]) -> str:
    r"""Return a command with its arguments quoted, several lines of it where these are many.

    >>> print(command("install", [*"abcdefg"]))
    install a b c d e f \
        g
    """
    lines = [shlex.join(specs[at : at + _LINE]) for at in range(0, len(specs), _LINE)]
    return f"{begin} " + " \\\n    ".join(lines)

"""Lays out help for the width of the terminal: text is wrapped, lines that are indented stay as they are."""

from __future__ import annotations

import argparse
import itertools
import textwrap


class HelpFormatter(argparse.HelpFormatter):
    """Wraps descriptions; argparse itself wraps either all of them, examples and tables too, or none."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled: list[str] = []
        for kept, group in itertools.groupby(text.splitlines(), key=lambda line: not line or line.startswith(" ")):
            lines = list(group)
            filled += lines if kept else textwrap.wrap(" ".join(lines), width)
        return "\n".join(f"{indent}{line}".rstrip() for line in filled)

"""``cudepot explain``."""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Iterator

from cudepot.cli.output import Answer
from cudepot.cli.speech import SPEECH, width
from cudepot.data import data_folder
from cudepot.errors import ConfigError

NAME = "explain"
HELP = "explain an error and what to do about it"
DESCRIPTION = """\
Print what the documentation says about an error: by its code (E300), by an exit code (5), or by words of its message
("older than"). Or print a page of the documentation by name (formats, airgap, sites). Without an argument: list codes
and pages.
"""
_SECTION = re.compile(r"^(?=## )", re.MULTILINE)
_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
_CODES = re.compile(r"\[(E\d+)\]")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("what", nargs="*", metavar="CODE", help="E300, an exit code, words of a message, or a page")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    what = " ".join(args.what)
    pages = {one.stem: one for one in sorted(data_folder("docs").glob("*.md"))}
    if page := pages.get(what.removeprefix("docs/").removesuffix(".md")):
        text = page.read_text("utf-8")
        return {"what": what, "text": text}, _rendered(text), 0
    intro, *sections = _SECTION.split((data_folder("docs") / "errors.md").read_text("utf-8"))
    found = "\n".join(_found(what, _table(intro), sections))
    found += "" if what else f"\n\nPages: {', '.join(pages)}"
    if not found:
        raise ConfigError(f"nothing is known about {what!r}", hint="`cudepot explain` lists the codes")
    return {"what": what, "text": found}, _rendered(found), 0


def _table(intro: str) -> list[str]:
    return [line for line in intro.splitlines() if line.startswith("|")]


def _found(what: str, codes: list[str], sections: list[str]) -> Iterator[str]:
    """Give the table of codes, the sections that a code or exit code names, or the lines that hold the words."""
    if not what:
        yield "\n".join(codes)
    row = next((line for line in codes if line.startswith(f"| {what} |")), "")
    wanted = _CODES.findall(row) if row else [what.upper()]
    named = [one for one in sections if one[3:].split("\n", 1)[0].upper() in wanted]
    yield from named or (_holding(what, sections) if what and not row else [row.replace("|", "")] if row else [])


def _holding(words: str, sections: list[str]) -> Iterator[str]:
    """Give what stands in the documentation about a message, under the heading of its code."""
    pattern = re.compile(r"\b" + r"\b.*?".join(re.escape(one) for one in words.split()), re.IGNORECASE)
    for section in sections:
        heading, *lines = section.splitlines()
        rows = [line for line in lines if pattern.search(line.replace("`", ""))]
        if rows and rows[0].startswith("|"):
            rows = ["| Message | |", "|---|---|", *rows]
        if rows:
            yield "\n".join([heading, "", *rows, ""])


def _rendered(text: str) -> list[str]:
    """Return Markdown as the terminal shows it, in its width; plain text elsewhere."""
    from rich.console import Console
    from rich.markdown import Markdown

    out = io.StringIO()
    coloured, columns = SPEECH.is_coloured(sys.stdout), width(sys.stdout)
    console = Console(file=out, force_terminal=coloured, no_color=not coloured, width=columns or 100)
    console.print(Markdown(_LINK.sub(r"\1", text)))
    return [line.rstrip() for line in out.getvalue().strip("\n").splitlines()]

"""What the static docs need as well as pages: colours for code, and the index of the search as a script.

A script works where a page is opened from a folder, without a server; fetching JSON does not.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pygments.formatters import HtmlFormatter

_DARK = "@media (prefers-color-scheme: dark) {\n%s\n}\n"


def on_config(config: Any) -> None:
    """Put the decisions (ADRs) at the end of the tree: a new one needs no line in properdocs.yml."""
    records = sorted(Path(config["docs_dir"]).glob("adr/*.md"))
    config["nav"].append({"Decisions": [f"adr/{one.name}" for one in records]})


def colours(light: str = "friendly", dark: str = "github-dark") -> str:
    """Return the style sheet of code blocks, for light and dark screens; the page has the background."""
    return f"{_rules(light)}\n{_DARK % _rules(dark)}"


def _rules(style: str) -> str:
    return str(HtmlFormatter(style=style, nobackground=True).get_style_defs(".codehilite"))


def on_post_build(config: Any) -> None:
    """Write both files into the finished site; the search plugin has left its index there as JSON."""
    site = Path(config["site_dir"])
    (site / "code.css").write_text(colours())
    found = json.loads((site / "search/search_index.json").read_text())["docs"]
    short = [{key: one[key] for key in ("location", "title", "text")} for one in found]
    (site / "search/index.js").write_text(f"window.DOCS = {json.dumps(short)};\n")

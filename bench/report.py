"""Writes what was measured into ``docs/performance.md``: a table and a picture for each bench, and the machine."""

from __future__ import annotations

import datetime
import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

from bench.installed import left_out
from bench.rows import Row

mpl.use("svg")
from matplotlib import pyplot as plt

DOCS = Path(__file__).parent.parent / "docs"
_BLOCK = re.compile(r"(<!-- bench: begin -->\n)(.*?)(<!-- bench: end -->)", re.DOTALL)
_PART = re.compile(r"^### (\S+)\n.*?(?=^### |\Z)", re.MULTILINE | re.DOTALL)
_OURS, _PEER, _LIMIT = "#2a7f62", "#b9c0c7", "#e0a13b"


def write(measured: Mapping[str, Sequence[Row]], docs: Path = DOCS) -> None:
    """Put tables and pictures of benches into ``docs``; those of other benches, and the words around them, stay."""
    (docs / "img").mkdir(exist_ok=True)
    page = docs / "performance.md"
    text = page.read_text()
    block = _BLOCK.search(text)
    before = {found[1]: found[0] for found in _PART.finditer(block[2])} if block else {}
    parts = before | {name: _part(name, rows, docs) for name, rows in measured.items()}
    page.write_text(_BLOCK.sub(lambda found: found[1] + "".join(parts[one] for one in sorted(parts)) + found[3], text))


def _part(name: str, rows: Sequence[Row], docs: Path) -> str:
    picture = docs / "img" / f"bench-{name}.svg"
    draw(rows, picture)
    when = f"Measured on {datetime.datetime.now(datetime.UTC):%Y-%m-%d}: {machine()}. {left_out()}".rstrip()
    lines = (f"### {name}", when, f"![{name}: seconds, shorter is better](img/{picture.name})", markdown(rows))
    return "\n\n".join(lines) + "\n"


def machine() -> str:
    """Return what was measured on, in one line."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return f"{system}, {os.cpu_count()} cores of {cpu[1] if cpu else platform.machine()}, {pages * size / 1e9:.0f} GB"


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a table: seconds, the peers', and the ratios to the best of them and to the limit."""
    lines = [
        "| Work | cudepot | Peers | × best peer | × limit | Peak memory | Requests |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        one = row.as_json()
        peers = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in sorted(row.peers.items(), key=lambda p: p[1]))
        ratio, limit = one["ratio_best_peer"] or "–", one["ratio_limit"] or "–"
        memory = f"{row.rss_mb:.0f} MB" if row.rss_mb else "–"
        count = str(row.requests) if row.requests >= 0 else "–"
        lines.append(f"| {row.work} | {row.ours_s:.2f} s | {peers or '–'} | {ratio} | {limit} | {memory} | {count} |")
    return "\n".join(lines) + "\n"


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw a group of bars for each row: cudepot, its peers, the limit. The same rows give the same bytes."""
    bars = [(row, [("cudepot", row.ours_s, _OURS), *_others(row)]) for row in rows]
    height = sum(len(found) + 1.6 for _, found in bars) * 0.24 + 0.3
    with plt.rc_context({"svg.hashsalt": "cudepot", "font.size": 8, "font.family": "sans-serif"}):
        figure, axes = plt.subplots(
            len(bars), 1, figsize=(7.2, height), squeeze=False, height_ratios=[len(b) + 1 for _, b in bars]
        )
        for axis, (row, found) in zip(axes[:, 0], bars, strict=True):
            names, seconds, colours = zip(*found, strict=True)
            drawn = axis.barh(names, seconds, color=colours, height=0.7)
            axis.bar_label(drawn, [f"{one:.2f} s" for one in seconds], padding=3)
            axis.set_title(row.work, loc="left", fontsize=9)
            axis.invert_yaxis()
            axis.spines[:].set_visible(False)
            axis.set_xticks([])
            axis.margins(x=0.12)
        figure.tight_layout()
        figure.savefig(path, format="svg", metadata={"Date": None})
        plt.close(figure)


def _others(row: Row) -> list[tuple[str, float, str]]:
    peers = [(name, seconds, _PEER) for name, seconds in sorted(row.peers.items(), key=lambda one: one[1])]
    return peers + ([("limit", row.limit_s, _LIMIT)] if row.limit_s else [])

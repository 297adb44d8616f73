"""Edges in tests: projects that follow another, what they show, and documents a hostile site would sign."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from simulator.keys import Key, KeyHome
from simulator.server import Server
from simulator.sides import Far, Near
from simulator.site_key import SiteKey

from cudepot.catalog.site.shown import Shown, parse_shown, render_shown
from cudepot.signing.cleartext import parted

NAMES = ("dev", "test", "prod")


def with_edges(project: Near | Far, *channels: str) -> None:
    """Let the site of a project have what edges need, and channels."""
    toml = project.toml if isinstance(project, Far) else project.project.toml
    more = f"edges = true\nchannels = {json.dumps(channels)}" if channels else "edges = true"
    toml.write_text(re.sub(r"^\[site\]$", f"[site]\n{more}", toml.read_text(), flags=re.MULTILINE))


def edge_in(folder: Path, key: SiteKey, upstream: tuple[KeyHome, Key], channels: Sequence[str] = ()) -> Far:
    """Make the project of an edge."""
    one = Far(folder, key.key_file, upstream[1].fingerprint).init()
    with_edges(one, *channels)
    return one


def follow(edge: Far, web: Server, *options: str) -> dict[str, Any]:
    """Follow a site and return what ``--json`` says."""
    done: dict[str, Any] = edge.run("edge", web.url, "--json", "--wait", "0", *options).json
    return done


def files(folder: Path) -> dict[str, bytes]:
    """Return path → bytes of all that is below a folder."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def channels_of(site: Path) -> dict[str, int]:
    """Return channel → number of the snapshot that clients see."""
    links = {one.name: one / "snapshot.json" for one in site.iterdir() if one.is_symlink() and one.name != "current"}
    return {name: json.loads(path.read_bytes())["number"] for name, path in sorted(links.items())}


def forged(document: bytes, key: SiteKey, change: Callable[[Shown], Shown]) -> bytes:
    """Return what a site says, changed and signed again by the site's own key."""
    text = parted(document, "shown.asc")[0] + b"\n"
    return signed(render_shown(change(parse_shown(text, "shown.asc"))), key)


def signed(document: bytes, key: SiteKey) -> bytes:
    """Return a document clear-signed by the site's own key."""
    return KeyHome(key.home).clearsign(document, key.key)

"""Serves a folder over loopback HTTP as a plain static host does, for trying a published site with real clients.

It is the upstream's server without faults: right media types, ranges, conditional requests, index pages, the
wheel index by Accept header, and a record of what was asked for.
"""

from __future__ import annotations

from pathlib import Path

from simulator.server import Server


class Site(Server):
    """A web server over a published site; ``with Site(folder) as site: site.url``."""


def serve(folder: Path) -> Site:
    """Return a server for ``folder``, to be used as a context manager."""
    return Site(folder)

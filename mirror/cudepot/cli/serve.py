"""``cudepot serve``."""

from __future__ import annotations

import argparse
import ipaddress
import json
import shlex
import sys
from pathlib import Path

from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.speech import SPEECH
from cudepot.errors import ConfigError

NAME = "serve"
HELP = "serve the site over HTTP, for trying it out and for small sites"
DESCRIPTION = """\
Serve what the site shows over HTTP, read-only, until interrupted. It follows every publish and rollback at once. By
default only this machine can reach it; --bind 0.0.0.0 opens it to the network, without TLS or passwords. `cudepot
explain sites` has configurations for nginx, Caddy and S3.

It also answers /healthz (the server is running), /readyz (the site shows a snapshot; otherwise 503) and, if
prometheus_client is installed, /metrics for Prometheus.

Needs starlette and uvicorn: the extra `serve` of cudepot's wheel or checkout (`pip install '.[serve]'`).
"""
_INSTALL = f"{shlex.quote(sys.executable)} -m pip install 'starlette>=0.46' 'uvicorn>=0.34'"
"""Names the two packages: nothing called cudepot is on PyPI, and what may be called so there one day is not this."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=_port, default=8080, help="port to listen on; 0 picks a free one (8080)")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number")
    return int(text)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    try:
        from cudepot.transport import web
    except ImportError as error:
        raise ConfigError(f"{error.name} is not installed", hint=_INSTALL) from error
    from cudepot.catalog.site.file_traits import traits
    from cudepot.cli.serve_watched import lacking, watched

    with opened(args, exclusive=False) as depot:
        if depot.config.site.place.served_folder() is None:
            raise ConfigError(
                "the site is not on this machine: its own server serves it", hint="`cudepot explain sites` says how"
            )
        root, channels = Path(depot.site().where), depot.config.site.channels
    with web.listening(args.bind, args.port) as (sock, url):
        if not root.exists():
            SPEECH.tell("note: the site shows nothing yet: run `cudepot publish`")
        if why := lacking():
            SPEECH.tell(f"note: /metrics answers 501: {why}")
        if not ipaddress.ip_address(args.bind).is_loopback:
            SPEECH.tell("warning: anyone on the network can read it; there is no TLS: see `cudepot explain sites`")
        print(json.dumps({"url": url}) if args.json else f"serving {root} at {url}", flush=True)  # noqa: T201
        web.run(web.Web(root, traits, watched=watched(args, root, channels), channels=channels), sock)
    return {"stopped": url}, ["stopped"], 0

"""``cudepot serve``."""

from __future__ import annotations

import argparse
import ipaddress
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.cli.output import Answer
from cudepot.cli.project_file import load_config
from cudepot.cli.remote import USER_AGENT
from cudepot.cli.speech import SPEECH
from cudepot.errors import ConfigError
from cudepot.sites.kind import Offering
from cudepot.sites.registry import offer_site
from cudepot.stores.registry import objects_of

if TYPE_CHECKING:
    from cudepot.transport.shown import Offer

NAME = "serve"
HELP = "serve the site over HTTP: any for trying it out, and a site out of the store"
DESCRIPTION = """\
Serve what the site shows over HTTP, read-only, until interrupted. It follows every publish and rollback at once. By
default only this machine can reach it; --bind 0.0.0.0 opens it to the network, without TLS or passwords. `cudepot
explain sites` has configurations for nginx, Caddy and S3.

A site out of the store (`type = "store"` in [site]) is served by this alone, straight from the store's folder or
bucket, with read access and no private key: by as many servers as you like, behind one that does TLS.

It also answers /healthz (the server is running), /readyz (the site shows a snapshot; otherwise 503) and, if
prometheus_client is installed, /metrics for Prometheus.

Needs starlette and uvicorn: the extra `serve` of cudepot's wheel or checkout (`pip install '.[serve]'`).
"""
_INSTALL = f"{shlex.quote(sys.executable)} -m pip install 'starlette>=0.46' 'uvicorn>=0.34'"
"""Names the two packages: nothing called cudepot is on PyPI, and what may be called so there one day is not this."""

_UNTIL = {"the site shows nothing yet": "run `cudepot publish`"}
"""What to do about trouble that somebody can do something about."""


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

    offer = _offer(Path(args.directory).resolve())
    with web.listening(args.bind, args.port) as (sock, url):
        if trouble := offer.ready():
            SPEECH.tell(f"note: {trouble}: {_UNTIL.get(trouble, 'clients are asked to come back')}")
        if why := lacking():
            SPEECH.tell(f"note: /metrics answers 501: {why}")
        if not ipaddress.ip_address(args.bind).is_loopback:
            SPEECH.tell("warning: anyone on the network can read it; there is no TLS: see `cudepot explain sites`")
        print(json.dumps({"url": url}) if args.json else f"serving {offer.where} at {url}", flush=True)  # noqa: T201
        web.run(web.Web(offer.shown, traits, watched(args, offer.ready)), sock)
    return {"stopped": url}, ["stopped"], 0


def _offer(base: Path) -> Offer:
    """Return what the site of a project shows; raise ConfigError where its own server shows it."""
    config = load_config(base)
    around = Offering(base, config.site.channels, lambda: objects_of(config, base, USER_AGENT))
    if (offer := offer_site(config.site, around)) is None:
        raise ConfigError(
            "the site is not on this machine: its own server serves it", hint="`cudepot explain sites` says how"
        )
    return offer

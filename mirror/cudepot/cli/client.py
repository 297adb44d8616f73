"""``cudepot client``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from cudepot.cli.common import add_common
from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.errors import ConfigError

NAME = "client"
HELP = "write ready-made configuration for the site's clients"
DESCRIPTION = """\
Write what a client of the site needs, for the snapshot that is shown. `client apt` writes the source, the pin file,
preferences that hold exactly the locked versions, and a keyring package that installs key and source.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the kinds of client and their options."""
    kinds = parser.add_subparsers(title="clients", metavar="CLIENT", required=True)
    apt = kinds.add_parser("apt", help="Debian and Ubuntu")
    apt.add_argument("upstreams", nargs="+", metavar="UPSTREAM", help="upstreams whose repositories the client uses")
    apt.add_argument("--url", required=True, metavar="URL", help="where clients reach site/current")
    apt.add_argument("--output", default="clients", metavar="DIR", help="folder for the files (default: clients)")
    apt.add_argument(
        "--hold-back-cuda-keyring",
        action="store_true",
        help="keep NVIDIA's cuda-keyring from enabling NVIDIA's own URL, which clients may not reach",
    )
    add_common(apt, default=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.client import client_apt_files

    if not args.url.startswith(("https://", "http://", "file:///")):
        raise ConfigError(f"--url {args.url!r} is no URL", hint="give the URL at which clients see site/current")
    with opened(args, exclusive=False) as depot:
        output = depot.base / Path(args.output)
        result = client_apt_files(
            depot, args.upstreams, url=args.url, output=output, hold_back=args.hold_back_cuda_keyring
        )
    lines = [f"{result.folder}/{name}" for name in result.files]
    lines.append(f"for snapshot {result.number}, signed by {result.fingerprint}")
    lines.append(f"on the client: dpkg -i {result.package}; copy etc/apt/preferences.d; apt-get update")
    return asdict(result), lines, 0

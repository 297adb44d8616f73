"""``cudepot upstreams``."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from cudepot.cli.output import Answer

NAME = "upstreams"
HELP = "list the repositories and keys cudepot knows"
DESCRIPTION = """\
List the presets: repositories cudepot knows with the keys that sign them, by full fingerprint. One line in
cudepot.toml takes one: preset = "nvidia/ubuntu2004/x86_64". Needs no project and no network.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("words", nargs="*", metavar="WORD", help="only presets whose name holds all of these")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.depot.shipped import load_presets

    presets = load_presets()
    found = [one for one in presets.repositories.values() if all(word in one.name for word in args.words)]
    lines = [f"{one.name}  {','.join(one.architectures)}  {' '.join(one.keys) or 'no key is pinned'}" for one in found]
    used = dict.fromkeys(key for one in found for key in (*one.keys, *one.former))
    keys = [presets.key(one) for one in used]
    for key in keys:
        dates = f"{key.since or '…'} to {key.until or 'now'}"
        lines.append(f"key {key.fingerprint}: {dates}: {key.note}")
    told = {"presets": [asdict(one) for one in found], "keys": [asdict(one) for one in keys]}
    return told, lines or ["no preset has such a name"], 0

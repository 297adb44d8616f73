"""``cudepot upstreams``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from cudepot.cli.output import Answer

if TYPE_CHECKING:
    from cudepot.catalog.config.presets import Preset

NAME = "upstreams"
HELP = "list the repositories, indexes and keys that cudepot knows"
DESCRIPTION = """\
List the presets: repositories cudepot knows with the keys that sign them, by full fingerprint, and wheel indexes,
which are not signed. One line in cudepot.toml uses one: preset = "nvidia/ubuntu2004/x86_64". Needs no project and no
network.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("words", nargs="*", metavar="WORD", help="only presets whose name contains all of these")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.depot.shipped import load_presets

    presets = load_presets()
    found = [one for one in presets.repositories.values() if all(word in one.name for word in args.words)]
    lines = [_line(one) for one in found]
    used = dict.fromkeys(key for one in found for key in (*one.keys, *one.rpm_keys, *one.former))
    keys = [presets.key(one) for one in used]
    for key in keys:
        dates = f"{key.since or '…'} to {key.until or 'now'}"
        lines.append(f"key {key.fingerprint}: {dates}" + f": {key.note}" * bool(key.note))
    told = {"presets": [asdict(one) for one in found], "keys": [asdict(one) for one in keys]}
    return told, lines or ["no preset matches"], 0


def _line(one: Preset) -> str:
    if not one.is_signed:
        return f"{one.name}  {one.url or one.note}  not signed: known by hashes in the lock"
    keys = " ".join(one.vouchers) or f"no key is pinned: {one.note or 'its former key no longer signs'}"
    return f"{one.name}  {','.join(one.architectures)}  {keys}" + (
        "" if one.keys else " (packages)" * bool(one.rpm_keys)
    )

"""``cudepot bundle``."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cudepot.cli.common import add_common
from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text
from cudepot.cli.room import room_json, room_lines
from cudepot.cli.steps import telling
from cudepot.cli.wait_options import add_store_wait
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.catalog.site.bundle import Want
    from cudepot.workflows.bundle.finish import Refused
    from cudepot.workflows.bundle.prove import Proved
    from cudepot.workflows.bundle.take_in import ImportResult, Waiting

NAME = "bundle"
HELP = "carry snapshots over an air gap"
DESCRIPTION = """\
Write what the far side of an air gap is missing as signed tar volumes, and import them there: volumes in any order,
all or nothing, checked against the site's signature and the upstreams' own. With --dry-run, export and import check
everything and change nothing. See `cudepot explain airgap`.
"""
_SIZE = re.compile(r"([1-9][0-9]{0,14})([KMG]i?)?")
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    export = actions.add_parser("export", help="near side: write the newest snapshot, without what the far side has")
    export.add_argument("file", type=Path, metavar="FILE", help="bundle to write, e.g. july.tar")
    start = export.add_mutually_exclusive_group(required=True)
    start.add_argument("--since", type=_number, metavar="N", help="snapshot the far side has; 0 for none")
    start.add_argument(
        "--want", type=Path, metavar="FILE", help="file with the output of the far side's `bundle missing`"
    )
    text = "bring what this channel of the site shows (default: the newest snapshot that was published)"
    export.add_argument("--channel", default="", metavar="NAME", help=text)
    export.add_argument("--split", type=_size, default=0, metavar="SIZE", help="size limit for each volume, e.g. 4700M")
    export.add_argument(
        "--with-cudepot",
        action="store_true",
        help="add cudepot-far.pyz, which needs only Python 3.6 and gpgv there, not cudepot",
    )
    take = actions.add_parser("import", help="far side: import volumes, in any order")
    take.add_argument("files", type=Path, nargs="+", metavar="FILE", help="volumes of one bundle or several")
    inspect = actions.add_parser("inspect", help="show what a bundle contains")
    inspect.add_argument("files", type=Path, nargs="+", metavar="FILE", help="volumes")
    missing = actions.add_parser("missing", help="far side: print what is missing, as JSON for `export --want`")
    for one in (export, take):
        add_store_wait(one)
        one.add_argument("-n", "--dry-run", action="store_true", help="check everything; change nothing")
    for one in (export, take, inspect, missing):
        add_common(one, default=argparse.SUPPRESS)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a snapshot")
    return int(text)


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 4700M, 4G or 650Mi")
    return int(found[1]) * _UNITS[found[2] or ""]


def run(args: argparse.Namespace) -> Answer:
    """Run the action."""
    actions = {"export": _export, "import": _import, "inspect": _inspect, "missing": _missing}
    return actions[args.action](args)


def _export(args: argparse.Namespace) -> Answer:
    from cudepot.workflows.bundle.export import export

    wanted = _want(args.want) if args.want else None
    with opened(args) as depot:
        done = export(
            depot,
            args.file.resolve(),
            since=args.since or 0,
            want=wanted,
            channel=args.channel,
            split=args.split,
            with_cudepot=args.with_cudepot,
            dry_run=args.dry_run,
        )
    did = "would write" if args.dry_run else "wrote"
    lines = [f"{did} {one}" for one in (*done.volumes, *done.far, done.sums)]
    base = f"since snapshot {done.base}" if done.base else "from nothing"
    lines.append(f"snapshot {done.number} {base}: {done.objects} objects, {size_text(done.bytes)}")
    return {**asdict(done), "room": room_json(done.room)}, [*lines, *room_lines(done.room)], 0


def _want(path: Path) -> Want:
    from cudepot.catalog.site.bundle import parse_want

    try:
        return parse_want(json.loads(path.read_text("utf-8")), str(path))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{path}: cannot read the want-list: {error}", hint="`cudepot bundle missing` prints one"
        ) from error


def _import(args: argparse.Namespace) -> Answer:
    from cudepot.workflows.bundle.take_in import import_bundle

    with opened(args) as depot:
        done = import_bundle(depot, args.files, dry_run=args.dry_run)
    answer = {**asdict(done), "room": room_json(done.room)}
    return answer, [*room_lines(done.room), *_import_lines(done, dry_run=args.dry_run)], 0


def _import_lines(done: ImportResult, *, dry_run: bool) -> list[str]:
    lines = [_proved_line(one) for one in done.proved]
    lines += [f"licence accepted on the near side: {one}" for one in done.licences]
    lines += [_waiting_line(one) for one in done.waiting]
    lines += [_refused_line(one) for one in done.refused]
    numbers = ", ".join(map(str, done.imported))
    if dry_run:
        return [*lines, "checked signatures and order of all volumes; nothing was imported"]
    shown = ", ".join(f"{name} snapshot {number}" for name, number in done.channels.items())
    lines += [f"shown on the near side: {shown}"] if shown else []
    lines += [done.unlisted] if done.unlisted else []
    return [*lines, f"{done.objects} new objects; {_ended(done, numbers)}"]


def _ended(done: ImportResult, numbers: str) -> str:
    if done.imported:
        return f"imported snapshot {numbers}; next: cudepot publish"
    if done.channels:
        return "no new snapshot, but channels have moved; next: cudepot publish"
    if done.noted:
        return "no new snapshot, but new tags or records of promotions"
    return "no snapshot is complete yet" if done.waiting else "nothing is new"


def _proved_line(one: Proved) -> str:
    signed = f"signed by {', '.join(one.signers)}" if one.signers else "not signed upstream: signed by the site only"
    return f"{one.upstream} ({one.type}): {one.packages} packages, {signed}"


def _refused_line(one: Refused) -> str:
    which = f"snapshot {one.number} of an earlier bundle" if one.number else "an earlier bundle"
    fate = "it was dropped; to try again, import one of its volumes" if one.forgotten else "it waits"
    return f"! {which} was not imported: {one.why}; {fate}"


def _waiting_line(one: Waiting) -> str:
    volumes = ", ".join(map(str, one.volumes))
    return f"snapshot {one.number} waits for {one.objects} objects in volumes {volumes or 'of the bundle before'}"


def _inspect(args: argparse.Namespace) -> Answer:
    from cudepot.workflows.bundle.inspect import inspect

    verifier = None
    if (Path(args.directory) / "cudepot.toml").exists():
        with opened(args, exclusive=False) as depot:
            verifier = depot.site_verifier()
    with telling("cudepot bundle: reading the volumes", quiet=args.quiet):
        found = [inspect(one, verifier) for one in args.files]
    lines = []
    for one in found:
        checked = "signed" if one.verified else "signed (not checked: no project here)"
        lines.append(f"{one.file}: volume {one.volume} of {one.volumes}, {checked} by {one.signer}")
        base = f"since snapshot {one.base}" if one.base else "from nothing"
        lines.append(f"  snapshot {one.number} {base}: {len(one.objects)} objects here, {size_text(one.bytes)}")
        lines += [f"  upstream {root}" for root in one.roots]
        lines += [f"  channel {name} shows snapshot {number}" for name, number in one.channels.items()]
        lines += [f"  records of promotions: {one.records}"] if one.records else []
        lines += [f"  tag {name}: snapshot {number}" for name, number in one.tags.items()]
    return [asdict(one) for one in found], lines, 0


def _missing(args: argparse.Namespace) -> Answer:
    from cudepot.catalog.site.bundle import want_json
    from cudepot.workflows.bundle.want_list import want

    with opened(args, exclusive=False) as depot:
        document: Any = want_json(want(depot.config, depot.store, depot.history))
    return document, json.dumps(document, indent=1).splitlines(), 0

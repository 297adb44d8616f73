"""``cudepot trust``."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cudepot.cli.common import add_common
from cudepot.cli.journal import shown_if_asked
from cudepot.cli.output import Answer
from cudepot.cli.project_file import load_config
from cudepot.cli.steps import telling
from cudepot.errors import ConfigError
from cudepot.fingerprints import spaced

if TYPE_CHECKING:
    from cudepot.openpgp import PublicKey
    from cudepot.workflows.trust import Change, TrustedKey, UpstreamTrust

NAME = "trust"
HELP = "show, add and expire the keys that may sign an upstream"
DESCRIPTION = """\
Show which keys may sign each apt or yum upstream and what is known about them; pin another key, or stop accepting
one. `add` shows what would change and changes cudepot.toml only after you confirm, or with --yes; `expire` changes it
at once. Both keep its comments, and with --dry-run only show the change.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    show = actions.add_parser("list", help="pinned keys with dates, algorithms, and the hash of their self-signature")
    add = actions.add_parser("add", help="pin one more key; the existing ones stay valid")
    expire = actions.add_parser("expire", help="stop accepting a key")
    for one in (add, expire):
        one.add_argument("upstream", metavar="UPSTREAM", help="name of the upstream in cudepot.toml")
    add.add_argument("file", metavar="KEYFILE", type=Path, help="file with the public key; it is copied into keys/")
    add.add_argument("--key", default="", metavar="FINGERPRINT", help="the key the file must hold")
    add.add_argument("--yes", action="store_true", help="change cudepot.toml without asking")
    expire.add_argument("fingerprint", metavar="FINGERPRINT", help="full fingerprint of the key")
    for one in (add, expire):
        one.add_argument("-n", "--dry-run", action="store_true", help="show the change; do not make it")
    for one in (show, add, expire):
        add_common(one, default=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> Answer:
    """Run the action."""
    base = Path(args.directory).resolve()
    return {"list": _list, "add": _add, "expire": _expire}[args.action](args, base)


def _list(args: argparse.Namespace, base: Path) -> Answer:
    from cudepot.workflows.trust import list_trust

    with telling("cudepot trust: reading the key files of all upstreams", quiet=args.quiet):
        found = list_trust(base, load_config(base), shown_if_asked)
    lines = [line for one in found for line in _upstream_lines(one)]
    code = next((bad.exit_code for one in found for bad in one.unreadable), 0)
    return [asdict(one) for one in found], lines or ["no apt upstream in cudepot.toml"], code


def _add(args: argparse.Namespace, base: Path) -> Answer:
    from cudepot.workflows.trust import apply, plan_add

    with telling(f"cudepot trust: reading {args.file} and the keys of {args.upstream}", quiet=args.quiet):
        change = plan_add(base, load_config(base), args.upstream, args.file, wanted=args.key, today=_today())
    lines = list(_change_lines(change))
    if args.dry_run:
        return _change_json(change, changed=False), [*lines, "nothing was changed"], 0
    if not args.yes and not _agreed(lines):
        last = "nothing was changed: compare the fingerprint, then run it again with --yes"
        return _change_json(change, changed=False), [*lines, last], ConfigError.exit_code
    apply(base, change)
    return _change_json(change, changed=True), [*lines, "done; next: cudepot lock"], 0


def _expire(args: argparse.Namespace, base: Path) -> Answer:
    from cudepot.workflows.trust import apply, plan_expire

    with telling(f"cudepot trust: looking at the keys of {args.upstream}", quiet=args.quiet):
        change = plan_expire(base, load_config(base), args.upstream, args.fingerprint, today=_today())
    lines = list(_change_lines(change))
    if args.dry_run:
        return _change_json(change, changed=False), [*lines, "nothing was changed"], 0
    apply(base, change)
    return _change_json(change, changed=True), [*lines, "done; next: cudepot lock"], 0


def _agreed(lines: list[str]) -> bool:
    """Ask a person, where there is one."""
    if not sys.stdin.isatty():
        return False
    print(*lines, "pin this key? [y/N] ", sep="\n", end="", file=sys.stderr, flush=True)  # noqa: T201
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _change_json(change: Change, *, changed: bool) -> dict[str, Any]:
    return {
        "upstream": change.upstream,
        "before": list(change.before),
        "after": list(change.after),
        "key": asdict(change.key) if change.key else None,
        "known": asdict(change.known),
        "file": change.copy[0] if change.copy else "",
        "sha256": change.sha256,
        "changed": changed,
    }


def _change_lines(change: Change) -> Iterator[str]:
    yield f"keys of {change.upstream}:"
    for one in dict.fromkeys((*change.before, *change.after)):
        mark = " " if one in change.before and one in change.after else "+" if one in change.after else "-"
        yield f"{mark} {spaced(one)}"
    if change.key:
        yield f"the key: {_key_text(change.key)}"
    if change.copy:
        yield f"its file: {change.copy[0]}, sha256 {change.sha256}"
    yield f"cudepot's own list: {_known_text(change.known) or 'does not list it; compare it with two other sources'}"


def _upstream_lines(one: UpstreamTrust) -> Iterator[str]:
    yield f"{one.upstream}: {one.url}"
    for key in one.keys:
        yield from _trusted_lines(key)
    for name in one.missing:
        yield f"  missing: {name}"
    for bad in one.unreadable:
        yield f"  cannot be read: {bad.error}"


def _trusted_lines(one: TrustedKey) -> Iterator[str]:
    yield f"  {one.state}: {spaced(one.fingerprint)}"
    file = f"{one.file}, which comes with cudepot" if one.shipped else one.file
    yield f"    {_key_text(one.key)}; {file}" if one.key else "    no key file contains it"
    if known := _known_text(one.known):
        yield f"    cudepot's own list: {known}"


def _key_text(key: PublicKey) -> str:
    """Return what a key file says of a key, in one line."""
    told = f"{key.uid or 'without name'}, {_part_text(key)}"
    for part in key.parts[1:]:
        told += f"; subkey {part.fingerprint[-16:]} {part.algorithm}{part.bits}, bound over {part.digest or 'nothing'}"
    return told


def _part_text(key: PublicKey) -> str:
    part = key.parts[0]
    ends = "revoked" if part.revoked else f"expires {part.expires}" if part.expires else "never expires"
    return f"{part.algorithm}{part.bits}, made {part.created}, {ends}, self-signature over {part.digest or 'nothing'}"


def _known_text(known: Any) -> str:
    dates = [f"from {known.since}" if known.since else "", f"until {known.until}" if known.until else ""]
    return "; ".join(filter(None, [*dates, known.uid, known.note]))


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()

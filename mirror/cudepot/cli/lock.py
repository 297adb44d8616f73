"""``cudepot lock``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cudepot.cli.context import opened
from cudepot.cli.output import NEEDED, Answer, complain, error_json
from cudepot.cli.progress import size_text
from cudepot.cli.project_file import load_config
from cudepot.cli.speech import SPEECH
from cudepot.cli.wait_options import add_wait
from cudepot.errors import ConfigError
from cudepot.kinds.registry import kind_of

if TYPE_CHECKING:
    from cudepot.catalog.lock import Lock
    from cudepot.depot.depot import Depot
    from cudepot.depot.rounds import Failure
    from cudepot.workflows.lock.from_machine import FromResult
    from cudepot.workflows.lock.lock import LockResult
    from cudepot.workflows.lock.settled import EnvironmentSize

NAME = "lock"
HELP = "resolve pins and environments into cudepot.lock, every artifact by hash"
DESCRIPTION = """\
Resolve the pins of cudepot.toml against the upstreams: verify each root's signature, follow it to the index and to
every package and dependency, and write cudepot.lock. An upstream whose root has not changed costs one request. An
upstream whose parts do not belong together is read again from its root, as long as --wait allows; then the fault is
reported and its locked packages are kept. The other upstreams are locked regardless. An environment is resolved with
all its dependencies, for each of its targets, and its size is shown; locked versions are kept while they fit, unless
--upgrade is given.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would change; do not write the lock")
    parser.add_argument(
        "--check", action="store_true", help="like --dry-run, but exit with status 14 if the lock would change"
    )
    parser.add_argument(
        "--offline",
        action="store_true",
        help="with --check: only check whether cudepot.lock matches cudepot.toml; contacts no upstream, needs no store",
    )
    parser.add_argument(
        "--upgrade",
        action="append",
        nargs="?",
        const="",
        default=[],
        metavar="NAME",
        help="use newer versions in the environments: of this project (may be repeated), or of all",
    )
    add_acceptance(parser)
    parser.add_argument(
        "--from",
        dest="listing",
        metavar="FILE",
        help="first add the pins that reproduce an environment, as far as the upstreams have its packages: dpkg -l, "
        "rpm -qa, pip freeze, conda list and others; - reads standard input; with --dry-run they are only shown",
    )
    parser.add_argument(
        "--upstream", action="append", default=[], metavar="NAME", help="with --from: where packages come from"
    )
    add_wait(parser)


def add_acceptance(parser: argparse._ActionsContainer) -> None:
    """Declare what somebody may decide to accept: older roots, changed packages, what cannot be installed."""
    parser.add_argument("--allow-rollback", action="store_true", help="accept a root older than one seen before")
    parser.add_argument(
        "--accept-changed",
        action="append",
        default=[],
        metavar="NAME",
        help="accept changed content of this package under its locked name and version; may be repeated",
    )
    _add_unsolvable(parser)


def _add_unsolvable(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--allow-unsolvable",
        action="append",
        default=[],
        metavar="NAME",
        help="publish this repository (an upstream's name, or conda/CHANNEL) although not all of it can be installed; "
        "needs --reason; may be repeated",
    )
    parser.add_argument(
        "--reason", default="", metavar="TEXT", help="reason for --allow-unsolvable, recorded in cudepot.lock"
    )
    parser.add_argument(
        "--forbid-unsolvable",
        action="append",
        default=[],
        metavar="NAME",
        help="undo --allow-unsolvable; may be repeated",
    )


def accepted(args: argparse.Namespace) -> str:
    """Return the first of these options that was given; empty where none was."""
    names = ("allow_rollback", "accept_changed", "allow_unsolvable", "reason", "forbid_unsolvable")
    return next((f"--{name.replace('_', '-')}" for name in names if getattr(args, name)), "")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.depot.locked import lock_or_empty

    if args.offline:
        return _checked_offline(args)
    args.dry_run = args.dry_run or args.check
    with opened(args) as depot:
        if args.listing:
            added = _pins_from(depot, args)
            if args.dry_run:
                return _shown(added)
            for line in _pin_lines(added):
                print(line, file=sys.stderr)  # noqa: T201 - the answer on standard output is the lock's
            result = locked(_with_pins(depot, added), args)
        else:
            result = locked(depot, args)
        changes = args.check and result.lock != lock_or_empty(depot.lock_path)
    answer, lines, code = answered(result, dry_run=args.dry_run)
    return answer, lines, code or (NEEDED if changes else 0)


def _checked_offline(args: argparse.Namespace) -> Answer:
    """Compare the two files alone, as CI does in a checkout."""
    from cudepot.depot.locked import lock_or_empty, unlocked

    if not args.check or args.listing or args.upgrade or accepted(args):
        raise ConfigError("--offline only goes with --check", hint="cudepot lock --check --offline")
    base = Path(args.directory).resolve()
    changes = unlocked(load_config(base), lock_or_empty(base / "cudepot.lock"), base)
    lines = [*changes, "cudepot.lock is out of date with cudepot.toml: run `cudepot lock`"]
    good = ["cudepot.lock is up to date with cudepot.toml"]
    return {"changes": list(changes)}, lines if changes else good, NEEDED if changes else 0


def locked(depot: Depot, args: argparse.Namespace) -> LockResult:
    """Lock as the arguments say."""
    from cudepot.workflows.lock.lock import make_lock

    return make_lock(
        depot,
        dry_run=args.dry_run,
        allow_rollback=args.allow_rollback,
        wait=args.wait,
        accept_changed=args.accept_changed,
        allow_unsolvable=_allowed(args),
        forbid_unsolvable=args.forbid_unsolvable,
        upgrade=_upgrade(getattr(args, "upgrade", ())),
    )


def _upgrade(names: Sequence[str]) -> bool | frozenset[str]:
    """Return whether all is upgraded (``--upgrade`` without a name), or what is."""
    return "" in names or (frozenset(names) if names else False)


def _allowed(args: argparse.Namespace) -> dict[str, str]:
    """Return the names to be allowed, each with the reason that was given."""
    if bool(args.allow_unsolvable) != bool(args.reason.strip()):
        missing = "--reason is missing" if args.allow_unsolvable else "--reason without --allow-unsolvable"
        raise ConfigError(missing, hint='cudepot lock --allow-unsolvable NAME --reason "…"')
    return dict.fromkeys(args.allow_unsolvable, args.reason.strip())


def answered(result: LockResult, *, dry_run: bool) -> Answer:
    """Return what locking is answered with; complain of the upstreams that could not be locked."""
    for one in result.failed:
        complain(one.error, as_json=False)
    for text in _doubtful(result.lock):
        SPEECH.tell(f"note: {text}")
    code = result.failed[0].error.exit_code if result.failed else 0
    return _answer(result), list(_lines(result, dry_run=dry_run)), code


def _doubtful(lock: Lock) -> list[str]:
    """Look up files that somebody downloaded among those NVIDIA has published; loading them takes time."""
    names = {one.name for one in lock.upstreams if kind_of(one).locks.names_files}
    if not names:
        return []
    from cudepot.depot.nvidia_catalog import doubtful

    return doubtful([one for one in lock.artifacts if one.upstream in names])


def _pins_from(depot: Depot, args: argparse.Namespace) -> FromResult:
    from cudepot.catalog.config.listings import decode_listing
    from cudepot.workflows.lock.from_machine import pins_from

    try:
        listing = sys.stdin.buffer.read() if args.listing == "-" else Path(args.listing).read_bytes()
    except OSError as error:
        raise ConfigError(f"{args.listing}: {error.strerror}", hint="--from takes a file with a listing") from error
    what = "standard input" if args.listing == "-" else Path(args.listing).name
    return pins_from(depot, decode_listing(listing), what, args.upstream, wait=args.wait)


def _with_pins(depot: Depot, added: FromResult) -> Depot:
    from cudepot.workflows.lock.from_machine import with_pins

    return with_pins(depot, added)


def _shown(added: FromResult) -> Answer:
    left = [asdict(one) | {"why": why} for one, why in added.left]
    return {"pins": added.text, "left": left}, list(_pin_lines(added)), 0


def _pin_lines(added: FromResult) -> Iterator[str]:
    yield from added.text.strip().splitlines() or ["nothing to add: what the upstreams have of it is already pinned"]
    yield from (f"skipped: {one.name} {one.version}: {why}" for one, why in added.left)


def _lines(result: LockResult, *, dry_run: bool) -> Iterator[str]:
    lock = result.lock
    yield from (f"+ {one}" for one in result.added)
    yield from (f"- {one}" for one in result.removed)
    yield from (f"! {one}: content changed" for one in result.changed)
    for name, relations in _external(lock).items():
        yield f"{name}: the distribution must provide: {', '.join(relations)}"
    yield from (f"{name}: {text}" for name, text in result.old)
    yield from (*result.unsigned, *result.unsolvable, *result.notes)
    yield from (line for one in result.environments for line in _environment(one))
    whole = _whole(lock)
    if not (result.written or dry_run or lock.upstreams):
        yield "cudepot.lock: nothing is locked"
        return
    did = "would write" if dry_run else "wrote" if result.written else "unchanged:"
    yield f"{did} cudepot.lock: {_artifacts(lock)}" + (f"; mirrored whole: {', '.join(whole)}" if whole else "")
    if whole:
        yield "`cudepot sync --dry-run` shows how many files and bytes the whole mirrors have"


def _environment(one: EnvironmentSize) -> Iterator[str]:
    """Give the lines of an environment: what each target has, which versions moved, and what is to be fetched."""
    for target in one.targets:
        has = f"{target.projects} projects, {size_text(target.bytes)}"
        yield f"environment {one.name}: {target.name} ({target.machine}): {has}"
    yield from (f"environment {one.name}: {text}" for text in one.changed)
    new = f"{size_text(one.new_bytes)} to be fetched" if one.new_bytes else "all of it in the store"
    yield f"environment {one.name}: {one.projects} projects, {one.files} files, {size_text(one.bytes)}, {new}"


def _artifacts(lock: Lock) -> str:
    """Return how much is pinned; a lock of whole mirrors alone keeps no artifacts."""
    if not lock.artifacts and _whole(lock):
        return "no pins"
    return f"artifacts: {len(lock.artifacts)}, {size_text(_bytes(lock))}"


def _whole(lock: Lock) -> list[str]:
    """Return the upstreams that are mirrored whole: their indexes, which the lock keeps by hash, name the packages."""
    return [one.name for one in lock.upstreams if one.files]


def _answer(result: LockResult) -> dict[str, Any]:
    lock = result.lock
    answer = {
        "written": result.written,
        "added": list(result.added),
        "removed": list(result.removed),
        "changed": list(result.changed),
        "external": _external(lock),
        "artifacts": [asdict(one) for one in lock.artifacts],
        "bytes": _bytes(lock),
        "whole": _whole(lock),
        "old": dict(result.old),
        "unsigned": list(result.unsigned),
        "unsolvable": list(result.unsolvable),
        "notes": list(result.notes),
        "environments": [_environment_json(one) for one in result.environments],
        "failed": [_failure(one) for one in result.failed],
    }
    return answer | (error_json(result.failed[0].error) if result.failed else {})


def _environment_json(one: EnvironmentSize) -> dict[str, Any]:
    return {**one._asdict(), "targets": [target._asdict() for target in one.targets]}


def _failure(one: Failure) -> dict[str, Any]:
    return {"upstream": one.upstream, **error_json(one.error), "fault": one.standing.as_json()}


def _external(lock: Lock) -> dict[str, list[str]]:
    return {one.name: list(one.external) for one in lock.upstreams if one.external}


def _bytes(lock: Lock) -> int:
    return sum({one.digest: one.digest.size for one in lock.artifacts}.values())

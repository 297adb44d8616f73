"""What ``add`` and ``remove`` have in common: options, writing the file, and the report of the change."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text
from cudepot.cli.project_file import load_config, machine_place
from cudepot.cli.wait_options import add_wait

if TYPE_CHECKING:
    from cudepot.catalog.config.config import Config
    from cudepot.workflows.change.apply import Applied, Weight
    from cudepot.workflows.change.draft import Draft


def add_change_options(parser: argparse.ArgumentParser) -> None:
    """Declare how the change is made."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would change; change nothing")
    parser.add_argument("--no-lock", action="store_true", help="change cudepot.toml only; needs no network")
    add_wait(parser)


def changed(args: argparse.Namespace, change: Callable[[Draft], Draft]) -> Answer:
    """Change cudepot.toml, lock it unless somebody does not want that, and return what is told."""
    if args.no_lock:
        return _changed_alone(args, change)
    from cudepot.workflows.change.apply import apply

    with opened(args) as depot:
        draft = change(_draft(depot.base, depot.config))
        if not draft.changed:
            return _nothing()
        if not _wants(draft.config):
            return _written(args, depot.base, draft, "it pins nothing, so there is nothing to lock")
        applied = apply(depot, draft, dry_run=args.dry_run, wait=args.wait)
    return _outcome(args, draft, applied)


def _draft(base: Path, config: Config) -> Draft:
    from cudepot.workflows.change.draft import drafted

    return drafted((base / "cudepot.toml").read_text("utf-8"), config, machine_place)


def _changed_alone(args: argparse.Namespace, change: Callable[[Draft], Draft]) -> Answer:
    base = Path(args.directory).resolve()
    draft = change(_draft(base, load_config(base)))
    return _written(args, base, draft, "next: cudepot lock") if draft.changed else _nothing()


def _wants(config: Config) -> bool:
    return bool(config.pins or config.environments or any(one.whole for one in config.upstreams))


def _written(args: argparse.Namespace, base: Path, draft: Draft, then: str) -> Answer:
    """Write cudepot.toml alone."""
    from cudepot.disk import storage_errors
    from cudepot.user_files import write_user_text

    if not args.dry_run:
        with storage_errors(base):
            write_user_text(base / "cudepot.toml", draft.text)
    lines = [*_diff(args, draft), *_notes(draft), f"{_did(args)} cudepot.toml; {then}"]
    return {"diff": list(draft.diff), "notes": list(draft.notes), "lock": None}, lines, 0


def _nothing() -> Answer:
    lines = ["nothing to change: cudepot.toml says all that already"]
    return {"diff": [], "notes": [], "lock": None}, lines, 0


def _outcome(args: argparse.Namespace, draft: Draft, applied: Applied) -> Answer:
    from cudepot.cli.lock import answered

    answer, lines, code = answered(applied.result, dry_run=args.dry_run)
    weights = [*_weights(applied.came, "more"), *_weights(applied.went, "no longer needed")]
    told = [*_diff(args, draft), *_notes(draft), *lines, *weights, *_next(args, applied)]
    result = {
        "diff": list(draft.diff),
        "notes": list(draft.notes),
        "lock": answer,
        "came": [one._asdict() for one in applied.came],
        "went": [one._asdict() for one in applied.went],
    }
    return result, told, code


def _diff(args: argparse.Namespace, draft: Draft) -> Sequence[str]:
    return [*draft.diff, ""] if args.dry_run else ()


def _notes(draft: Draft) -> Iterator[str]:
    return (f"cudepot.toml: {one}" for one in draft.notes)


def _did(args: argparse.Namespace) -> str:
    return "would write" if args.dry_run else "wrote"


def _weights(weights: Sequence[Weight], what: str) -> Iterator[str]:
    for one in weights:
        need = f", {one.needed} that they need" if one.needed else ""
        fetch = f", {size_text(one.new_bytes)} to be fetched" if what == "more" and one.new_bytes else ""
        yield f"{one.upstream}: {what}: {one.asked} packages asked for{need}: {size_text(one.bytes)}{fetch}"


def _next(args: argparse.Namespace, applied: Applied) -> Iterator[str]:
    if applied.went or any(one.removed for one in applied.result.environments):
        yield "what is no longer needed stays published until `cudepot publish`, and in the store until `cudepot gc`"
    if not args.dry_run:
        yield "next: cudepot sync, repackage, publish"

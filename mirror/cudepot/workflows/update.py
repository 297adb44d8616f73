"""``cudepot update``: which newer releases fit the pins, and, on request, pins and lock that have them."""

from __future__ import annotations

import difflib
import email.utils
from collections.abc import Sequence
from dataclasses import dataclass, replace

import tomli

from cudepot.catalog.config import parse_config
from cudepot.catalog.edit import set_lists
from cudepot.catalog.lock import Lock
from cudepot.catalog.newer import Update, freed, newer, supported
from cudepot.catalog.presets import expand
from cudepot.disk import write_atomic
from cudepot.errors import ConfigError, CudepotError, UpstreamError
from cudepot.store.overlay import dry_run
from cudepot.workflows.depot import Depot
from cudepot.workflows.lock import LockResult, load_lock, make_lock
from cudepot.workflows.presets import load_presets
from cudepot.workflows.published import load_catalog
from cudepot.workflows.rounds import Failure


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What is newer.

    Attributes:
        updates: one for each entry of a pin that has something newer.
        text: cudepot.toml with all of them.
        diff: the change of cudepot.toml, as ``diff -u`` shows it.
        failed: upstreams that could not be asked.
    """

    updates: tuple[Update, ...]
    text: str
    diff: tuple[str, ...]
    failed: tuple[Failure, ...]


def find_updates(depot: Depot, names: Sequence[str] = (), *, wait: float = 0.0) -> UpdateResult:
    """Ask the upstreams for what is newest under each pin; change nothing.

    Args:
        depot: the depot.
        names: packages to look at; empty for all.
        wait: seconds to go on trying where a fault may pass.
    """
    lock = load_lock(depot.lock_path) if depot.lock_path.exists() else Lock()
    kinds = {one.name: one.type for one in depot.config.upstreams}
    pins = tuple(freed(pin, kinds[pin.upstream]) for pin in depot.config.pins)
    with dry_run(depot.store) as scratch:
        asking = replace(depot, store=scratch, config=replace(depot.config, pins=pins))
        result = make_lock(asking, dry_run=True, wait=wait)
    broken = {one.upstream for one in result.failed}
    found = [
        one
        for number, pin in enumerate(depot.config.pins)
        if pin.upstream not in broken
        for one in newer(
            number, pin, kinds[pin.upstream], lock.of(pin.upstream), result.lock.of(pin.upstream)
        )
        if not names or one.name in names
    ]  # fmt: skip
    _check_names(names, depot)
    found = [_described(depot, one) for one in found]
    text, changed = _changed(depot, found)
    diff = difflib.unified_diff(text.splitlines(), changed.splitlines(), "cudepot.toml", "cudepot.toml", lineterm="")
    return UpdateResult(tuple(found), changed, tuple(diff), result.failed)


def apply_updates(depot: Depot, text: str, *, wait: float = 0.0) -> LockResult:
    """Write the pins and the lock that answers them; when that lock cannot be made, both stay as they were.

    Raises:
        CudepotError: the new pins cannot be locked.
    """
    toml = depot.base / "cudepot.toml"
    before = toml.read_bytes()
    config = parse_config(expand(tomli.loads(text), load_presets))
    write_atomic(toml, text.encode())
    try:
        result = make_lock(replace(depot, config=config), wait=wait)
        if result.failed:
            raise result.failed[0].error
    except CudepotError:
        write_atomic(toml, before)
        raise
    return result


def _described(depot: Depot, one: Update) -> Update:
    """Add when the upstream published it and what is known to work with it."""
    try:
        said = depot.source(depot.config.upstream(one.upstream)).about(one.path).modified
        published = email.utils.parsedate_to_datetime(said).date().isoformat() if said else ""
    except (UpstreamError, ValueError):
        published = ""
    return replace(one, published=published, supports=supported(one, load_catalog().support))


def _check_names(names: Sequence[str], depot: Depot) -> None:
    pinned = " ".join(spec for pin in depot.config.pins for spec in pin.packages)
    for name in names:
        if name not in pinned:
            raise ConfigError(f"{name!r} is not pinned", hint=f"pinned: {pinned}")


def _changed(depot: Depot, updates: Sequence[Update]) -> tuple[str, str]:
    text = changed = (depot.base / "cudepot.toml").read_text("utf-8")
    for number in sorted({one.pin for one in updates}):
        after = {one.before: one.after for one in updates if one.pin == number}
        packages = [after.get(spec, spec) for spec in depot.config.pins[number].packages]
        changed = set_lists(changed, number, {"packages": packages}, kind="pin")
    return text, changed

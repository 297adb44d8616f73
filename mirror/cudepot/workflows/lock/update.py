"""``cudepot update``: which newer releases there are, and, on request, pins and lock that have them."""

from __future__ import annotations

import difflib
import email.utils
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.edit import set_lists
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Lock
from cudepot.depot.depot import Depot, SourceOf
from cudepot.depot.isolated import Isolation
from cudepot.depot.locked import lock_or_empty
from cudepot.depot.nvidia_catalog import load_catalog
from cudepot.depot.partly import PartlyLockedError
from cudepot.depot.rounds import Failure, failures, resolve_all
from cudepot.errors import ConfigError, CudepotError
from cudepot.kinds.kind import Offered
from cudepot.kinds.registry import kind_of
from cudepot.kinds.rules.newer import Notice, Update, compare, supported
from cudepot.store.overlay import dry_run
from cudepot.user_files import write_user_file, write_user_text
from cudepot.workflows.configuration import parse_again
from cudepot.workflows.lock.lock import LockResult, make_lock
from cudepot.workflows.lock.settled import EnvironmentSize, Moves
from cudepot.workflows.lock.update_trials import Trials


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What is newer.

    Attributes:
        updates: one for each entry of a pin that can be bound to something newer, and locked.
        notices: what else there is to know: newer releases outside the pins, pinned ones that are gone or withdrawn.
        text: cudepot.toml with all updates.
        diff: the change of cudepot.toml, as ``diff -u`` shows it.
        failed: upstreams that could not be asked.
        refused: why some updates cannot be locked; they are not in the text.
        asked: how many upstreams answered.
        environments: those that would have other versions, and what they would have.
        upgrade: what moves in environments: all (True), or these projects.
    """

    updates: tuple[Update, ...]
    notices: tuple[Notice, ...]
    text: str
    diff: tuple[str, ...]
    failed: tuple[Failure, ...]
    refused: tuple[Failure, ...]
    asked: int
    environments: tuple[EnvironmentSize, ...] = ()
    upgrade: bool | frozenset[str] = False


def find_updates(depot: Depot, names: Sequence[str] = (), *, wait: float = 0.0) -> UpdateResult:
    """Ask the upstreams for what they offer under the names that are pinned or in environments; change nothing.

    Args:
        depot: the depot.
        names: packages to look at; empty for all.
        wait: seconds to go on trying where a fault may pass.

    Raises:
        ConfigError: a name is neither pinned nor in an environment.
    """
    upgrade, moved = _moves(depot, names, wait)
    pinned = [one for one in names if isinstance(upgrade, bool) or one not in upgrade or _is_pinned(one, depot.config)]
    if names and not pinned:
        return UpdateResult((), (), "", (), moved.failed, (), 0, moved.environments, upgrade)
    found = _pin_updates(depot, pinned, wait)
    return replace(found, failed=(*found.failed, *moved.failed), environments=moved.environments, upgrade=upgrade)


def _moves(depot: Depot, names: Sequence[str], wait: float) -> tuple[bool | frozenset[str], Moves]:
    """Return what may move in environments, and what would; loading what resolves them takes time."""
    if not depot.config.environments:
        return False, Moves()
    from cudepot.workflows.lock.update_environments import moves, projects_among  # noqa: PLC0415

    upgrade = projects_among(depot, names) if names else True
    return upgrade, moves(depot, upgrade, wait)


def _is_pinned(name: str, config: Config) -> bool:
    return any(name in spec for pin in config.pins for spec in pin.packages)


def _pin_updates(depot: Depot, names: Sequence[str], wait: float) -> UpdateResult:
    lock = lock_or_empty(depot.lock_path)
    asked = [one for one in depot.config.upstreams if kind_of(one).locks.grows and depot.config.pins_of(one)]
    with dry_run(depot.store) as scratch:
        looking = replace(depot, store=scratch)
        offered, errors = resolve_all(
            looking, asked, lambda depot, one: kind_of(one).locks.offers(depot, one, lock), wait
        )
        errors |= {name: one.error for name, one in offered.items() if one.error is not None}
        every, notices = _compared(depot.config, depot.isolation, lock, offered, errors)
        failed = tuple(failures(looking.store, looking.clock, asked, errors))
    _check_names(names, depot.config)
    updates = [one for one in every if not names or one.name in names]
    notices = [one for one in notices if not names or one.name in names]
    kept, refused = _lockable(depot, updates, wait)
    if refused and len(updates) < len(every) and not _lockable(depot, every, wait)[1]:
        refused = tuple(map(_belonging, refused))
    notices += [_held(one) for one in updates if one not in kept]
    text, changed = _changed(depot.base, depot.config, kept)
    diff = difflib.unified_diff(text.splitlines(), changed.splitlines(), "cudepot.toml", "cudepot.toml", lineterm="")
    described = tuple(_described(depot.config, depot.source, depot.isolation, one) for one in kept)
    return UpdateResult(described, tuple(notices), changed, tuple(diff), failed, refused, len(offered))


def _belonging(one: Failure) -> Failure:
    one.error.hint = "other packages must move with it: `cudepot update` without names updates them all"
    return one


def _held(one: Update) -> Notice:
    """Return the notice of an update that cannot be locked; the error says why."""
    text = f"{one.name}: {one.locked} -> {one.newest}: cannot be locked"
    return Notice(one.pin, one.upstream, one.name, one.before, one.newest, "refused", text)


def _compared(
    config: Config, isolation: Isolation, lock: Lock, offered: Mapping[str, Offered], errors: dict[str, CudepotError]
) -> tuple[list[Update], list[Notice]]:
    """Return what is newer at each upstream; what cannot be compared joins the errors."""
    updates, notices = list[Update](), list[Notice]()
    for name, one in offered.items():
        assert one.spelling, f"{name}: its kind has something newer but cannot say how to pin it"
        pins = [(number, pin) for number, pin in enumerate(config.pins) if pin.upstream == name]
        with isolation.each(name, lambda trouble: errors.setdefault(trouble.name, trouble.error)):
            found = compare(pins, one.spelling, lock.of(name), one.offers)
            updates += found[0]
            notices += found[1]
    return updates, notices


def _lockable(depot: Depot, updates: Sequence[Update], wait: float) -> tuple[list[Update], tuple[Failure, ...]]:
    """Return the updates that can be locked, and why the others cannot."""
    kept: list[Update] = []
    refused: list[Failure] = []
    with dry_run(depot.store) as scratch:
        for name in dict.fromkeys(one.upstream for one in updates):

            def configured(some: Sequence[Update], name: str = name) -> Config:
                return _only(parse_again(_changed(depot.base, depot.config, some)[1], depot.config), {name})

            trials = Trials(replace(depot, store=scratch), name, wait, configured)
            kept += trials.kept([one for one in updates if one.upstream == name])
            refused += trials.why.values()
    return [one for one in updates if one in kept], tuple(refused)


def _only(config: Config, upstreams: Iterable[str]) -> Config:
    """Return the configuration with the pins on some upstreams alone."""
    pins = tuple(one for one in config.pins if one.upstream in set(upstreams))
    whole = [one for one in config.upstreams if one.name in set(upstreams)]
    return replace(config, pins=pins, upstreams=tuple(map(_pinned_only, whole)), environments=())


def _pinned_only(upstream: Upstream) -> Upstream:
    return replace(upstream, whole=False, extras=())


def apply_updates(depot: Depot, text: str, *, wait: float = 0.0, upgrade: bool | frozenset[str] = False) -> LockResult:
    """Write the pins and the lock that answers them; when that lock cannot be made, both stay as they were.

    Without ``text`` the pins stay. ``upgrade`` says what moves in environments.

    Raises:
        CudepotError: the new pins cannot be locked.
    """
    if not text:
        return make_lock(depot, wait=wait, upgrade=upgrade)
    toml = depot.base / "cudepot.toml"
    before = toml.read_bytes()
    changed = {one.upstream for one in parse_again(text, depot.config).pins if one not in depot.config.pins}
    write_user_text(toml, text)
    try:
        result = make_lock(replace(depot, config=parse_again(text, depot.config)), wait=wait, upgrade=upgrade)
        for one in result.failed:
            if one.upstream in changed and not isinstance(one.error, PartlyLockedError):
                raise one.error
    except CudepotError:
        write_user_file(toml, before)
        raise
    return result


def _described(config: Config, source: SourceOf, isolation: Isolation, one: Update) -> Update:
    """Add when the upstream published it and what is known to work with it."""
    published = ""
    with isolation.each(one.upstream, lambda _: None):
        said = source(config.upstream(one.upstream)).about(one.path).modified
        published = email.utils.parsedate_to_datetime(said).date().isoformat() if said else ""
    return replace(one, published=published, supports=supported(one, load_catalog().support))


def _check_names(names: Sequence[str], config: Config) -> None:
    pinned = " ".join(spec for pin in config.pins for spec in pin.packages)
    for name in names:
        if name not in pinned:
            raise ConfigError(f"{name!r} is not pinned", hint=f"pinned: {pinned}")


def _changed(base: Path, config: Config, updates: Sequence[Update]) -> tuple[str, str]:
    text = changed = (base / "cudepot.toml").read_text("utf-8")
    for number in sorted({one.pin for one in updates}):
        after = {one.before: one.after for one in updates if one.pin == number}
        packages = [after.get(spec, spec) for spec in config.pins[number].packages]
        changed = set_lists(changed, number, {"packages": packages}, kind="pin")
    return text, changed

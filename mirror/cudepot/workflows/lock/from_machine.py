"""``cudepot lock --from``: write the pins that reproduce an existing environment's NVIDIA packages.

Only what an upstream really has becomes a pin: the candidates are locked for trial first, in a store that is thrown
away, and what matches nothing is named and left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomli
import tomli_w

from cudepot.catalog.config.config import Config, Pin
from cudepot.catalog.config.environment import Carrier, Choice, Wanted, choices, read_environment, settle, trial_pins
from cudepot.catalog.config.listings import READ, Installed, read_listing
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import Output
from cudepot.depot.depot import Depot
from cudepot.depot.rounds import Failure
from cudepot.errors import ConfigError, PinError
from cudepot.kinds.registry import kind_of
from cudepot.store.overlay import dry_run
from cudepot.user_files import write_user_text
from cudepot.workflows.configuration import parse_again
from cudepot.workflows.lock.lock import make_lock


@dataclass(frozen=True, slots=True)
class FromResult:
    """What an environment became.

    Attributes:
        text: the new pins as TOML; empty when there are none.
        pinned: what was pinned, or mirrored whole, already.
        left: packages no pin stands for, with the reason.
    """

    text: str
    pinned: tuple[str, ...]
    left: tuple[tuple[Installed, str], ...]


def pins_from(depot: Depot, listing: str, what: str, chosen: Sequence[str], *, wait: float = 0.0) -> FromResult:
    """Return the pins that reproduce a listing, as far as the upstreams have its packages; write nothing.

    Args:
        depot: the depot.
        listing: what a package manager printed.
        what: how the new pins' comment names the listing.
        chosen: names of upstreams to take where several could have a package.
        wait: seconds to go on trying where an upstream's fault may pass.

    Raises:
        PinError: the listing names no NVIDIA package, or it is not clear where one comes from.
    """
    installed = read_environment(listing)
    if not installed:
        raise _nothing(listing, what)
    for name in chosen:
        depot.config.upstream(name)
    asked = choices(installed, _carriers(depot.config.upstreams), chosen, closed=depot.config.build.closed_channel)
    wanted = _tried(depot, asked, wait)
    if not wanted.pins and not wanted.present:
        raise _none_fits(what, wanted)
    known = {(pin.upstream, spec, Output.CONDA in pin.outputs) for pin in depot.config.pins for spec in pin.packages}
    fresh = [(pin, [one for one in pin.packages if not _known(pin, one, known)]) for pin in wanted.pins]
    tables = [_table(pin, specs) for pin, specs in fresh if specs]
    text = f"\n# from {what}\n{tomli_w.dumps({'pin': tables})}" if tables else ""
    pinned = [one for pin, specs in fresh for one in pin.packages if one not in specs]
    return FromResult(text, (*pinned, *(f"{one.name} {one.version}" for one in wanted.present)), wanted.left)


def _carriers(upstreams: Sequence[Upstream]) -> list[Carrier]:
    """Return what upstreams have, each as its kind says; where pins name files no package can be pinned."""
    ports = [(one, kind_of(one).locks) for one in upstreams]
    return [Carrier(one.name, port.carries(one), port.grows, one.whole) for one, port in ports if not port.names_files]


def with_pins(depot: Depot, added: FromResult) -> Depot:
    """Write the pins into cudepot.toml; return the depot that wants them.

    Raises:
        ConfigError: the file is laid out so that they cannot be added.
    """
    if not added.text:
        return depot
    return replace(depot, config=_append(depot.base, added.text, depot.config))


def _tried(depot: Depot, asked: Sequence[Choice], wait: float) -> Wanted:
    """Lock for trial until every candidate that is left matches something; each round names all that do not."""
    lacking: set[tuple[str, str]] = set()
    with dry_run(depot.store) as scratch:
        while True:
            pins = trial_pins(asked, lacking)
            trial = replace(depot, store=scratch, config=_with(depot.config, pins))
            failed = make_lock(trial, dry_run=True, wait=wait).failed if pins else ()
            found = _unmatched(failed, pins) - lacking
            if not found:
                return settle(asked, lacking, {one.upstream: str(one.error) for one in failed})
            lacking |= found


def _with(config: Config, pins: Sequence[Pin]) -> Config:
    """Return the configuration with more pins, and without environments: those have no part in what is tried."""
    return replace(config, pins=(*config.pins, *pins), environments=())


def _unmatched(failed: Sequence[Failure], pins: Sequence[Pin]) -> set[tuple[str, str]]:
    ours = {(pin.upstream, spec) for pin in pins for spec in pin.packages}
    return {(one.upstream, spec) for one in failed for spec in getattr(one.error, "pins", ())} & ours


def _nothing(listing: str, what: str) -> PinError:
    """Return what is said of a listing without a package of NVIDIA's: how it was understood, and what to give."""
    lines = [line.strip() for line in listing.splitlines() if line.strip()]
    if not lines:
        return PinError(f"{what}: is empty", hint=f"give the output of {READ}")
    if others := len(read_listing(listing)):
        return PinError(
            f"{what}: lists {others} packages, none of them NVIDIA's",
            hint="list where cuDNN is installed: inside the container, or with the environment active",
        )
    return PinError(f"{what}: not a package listing; it begins with {lines[0][:60]!r}", hint=_instead(listing))


def _none_fits(what: str, wanted: Wanted) -> PinError:
    reasons = [f"{one.name} {one.version}: {why}" for one, why in wanted.left]
    return PinError(
        f"{what}: none of its {len(wanted.left)} NVIDIA packages can be pinned: {'; '.join(reasons)}",
        hint="add the upstreams they come from to cudepot.toml; `cudepot upstreams` lists NVIDIA's",
    )


_LOOKS_LIKE = (
    ("NVIDIA-SMI", "nvidia-smi", "it is only about the driver"),
    ("\tinstall", "dpkg --get-selections", "it has no versions"),
    ("conda-lock", "a lock file of conda-lock", "it covers many machines"),
    ("[[package]]", "a lock file of uv or Poetry", "it covers many machines"),
    ("[[packages]]", "a pylock.toml", "it covers many machines"),
    ("[project]", "a pyproject.toml", "it names ranges, not versions"),
    ("FROM ", "a Dockerfile", "it names no installed packages"),
)


def _instead(listing: str) -> str:
    for mark, name, because in _LOOKS_LIKE:
        if mark in listing:
            return f"it looks like {name}, and {because}: give the output of {READ}"
    return f"give the output of {READ}"


def _known(pin: Pin, spec: str, known: set[tuple[str, str, bool]]) -> bool:
    return (pin.upstream, spec, Output.CONDA in pin.outputs) in known


def _table(pin: Pin, specs: list[str]) -> dict[str, Any]:
    table: dict[str, Any] = {"upstream": pin.upstream, "packages": specs}
    if pin.recipe:
        table |= {"recipe": pin.recipe, "outputs": list(pin.outputs)} | ({"cuda": pin.cuda} if pin.cuda else {})
    return table | ({"sha256": dict(pin.sha256)} if pin.sha256 else {})


def _append(base: Path, text: str, before: Config) -> Config:
    """Add tables at the end of cudepot.toml, if what it holds then is still the configuration it was, and these."""
    path = base / "cudepot.toml"
    result = path.read_text("utf-8").rstrip("\n") + "\n" + text
    try:
        config = parse_again(result, before)
    except (tomli.TOMLDecodeError, ConfigError) as error:
        raise ConfigError(f"{path}: the pins cannot be added: {error}", hint=f"add them by hand:\n{text}") from error
    write_user_text(path, result)
    return config

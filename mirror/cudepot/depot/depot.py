"""What every verb works on: configuration, lock, store, upstreams, clock and progress, handed in by the CLI."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cudepot.catalog.config.config import Config, Pin
from cudepot.catalog.config.upstream import Upstream
from cudepot.ports import Inspectable, Progress, Signer, Site, Source, Verifier
from cudepot.store.local import LocalStore


@dataclass(frozen=True, slots=True)
class Depot:
    """The outside world of one run.

    Attributes:
        base: folder of cudepot.toml; relative paths in it start here.
        store: where objects live.
        source: opens an upstream.
        verifier: gives the verifier with an upstream's pinned keys.
        signer: gives the site's signer.
        site_verifier: gives a verifier that trusts the site's own key only.
        site_of: gives the configured site, filled from a store.
        clock: tells the time, in UTC.
        recipes: folder of the recipes.
        epoch: seconds since 1970 stamped into built packages.
        sleep: waits some seconds.
        unforeseen: keeps an error that nobody foresaw with its traceback, and says where that can be read.
    """

    base: Path
    config: Config
    store: LocalStore
    source: Callable[[Upstream], Source]
    verifier: Callable[[Upstream], Verifier]
    signer: Callable[[], Signer]
    site_verifier: Callable[[], Verifier]
    site_of: Callable[[LocalStore], Inspectable]
    clock: Callable[[], datetime.datetime]
    recipes: Path
    epoch: int
    progress: Progress
    sleep: Callable[[float], None] = time.sleep
    unforeseen: Callable[[BaseException], str] = repr

    @property
    def lock_path(self) -> Path:
        """Where the lock lies: beside cudepot.toml."""
        return self.base / "cudepot.lock"

    def site(self) -> Site:
        """Return the site that is configured, filled from this depot's store."""
        return self.site_of(self.store)

    def inspectable(self) -> Inspectable:
        """Return the same site, to be read back and put right."""
        return self.site_of(self.store)

    def pins_of(self, upstream: Upstream) -> tuple[Pin, ...]:
        """Return the pins that want something from an upstream."""
        return tuple(pin for pin in self.config.pins if pin.upstream == upstream.name)

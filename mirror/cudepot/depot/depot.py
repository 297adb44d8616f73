"""What every verb works on: configuration, lock, store, upstreams, clock and progress, handed in by the CLI."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.ports import Inspectable, Progress, Signer, Site, Source, Verifier
from cudepot.store.local import LocalStore

if TYPE_CHECKING:
    from cudepot.depot.history import History
    from cudepot.depot.isolated import Isolation
    from cudepot.depot.workers import Workers

Clock = Callable[[], datetime.datetime]
"""Tells the time, in UTC."""
SourceOf = Callable[[Upstream], Source]
"""Opens an upstream."""
VerifierOf = Callable[[Upstream], Verifier]
"""Gives the verifier with an upstream's pinned keys."""
Elsewhere = Callable[[str], Source]
"""Opens another site by its URL."""
SiteVerifier = Callable[[], Verifier]
"""Gives a verifier that trusts the site's own key only."""
SiteSigner = Callable[[], Signer]
"""Gives the site's signer."""
Unforeseen = Callable[[BaseException], str]
"""Keeps an error that nobody foresaw with its traceback, and says where that can be read."""


def _nowhere(url: str) -> Source:
    raise AssertionError(f"{url}: this depot reads no other site")


class Keyring(NamedTuple):
    """Whose signatures count.

    Attributes:
        base: folder that the names of key files start at.
        verifier: gives the verifier with an upstream's pinned keys.
        site_verifier: gives a verifier that trusts the site's own key only.
    """

    base: Path
    verifier: VerifierOf
    site_verifier: SiteVerifier


class Signing(NamedTuple):
    """What signed files are made with.

    Attributes:
        store: where they are kept.
        signer: gives the site's signer.
        clock: tells what time they bear.
    """

    store: LocalStore
    signer: SiteSigner
    clock: Clock


class Workshop(NamedTuple):
    """What packages are made with.

    Attributes:
        config: cudepot.toml.
        store: has the artifacts, and gets the packages.
        recipes: folder of the recipes.
        epoch: seconds since 1970 stamped into packages.
        progress: is told how far it is.
    """

    config: Config
    store: LocalStore
    recipes: Path
    epoch: int
    progress: Progress


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
        variables: the environment that hooks are run in, and have tokens in.
        workers: other machines that do a part of the work; None for this one alone.
        elsewhere: opens another site by its URL.
    """

    base: Path
    config: Config
    store: LocalStore
    source: SourceOf
    verifier: VerifierOf
    signer: SiteSigner
    site_verifier: SiteVerifier
    site_of: Callable[[LocalStore], Inspectable]
    clock: Clock
    recipes: Path
    epoch: int
    progress: Progress
    sleep: Callable[[float], None] = time.sleep
    unforeseen: Unforeseen = repr
    variables: Mapping[str, str] = field(default_factory=dict)
    workers: Workers | None = None
    elsewhere: Elsewhere = _nowhere

    @property
    def lock_path(self) -> Path:
        """Where the lock is: beside cudepot.toml."""
        return self.base / "cudepot.lock"

    @property
    def history(self) -> History:
        """The snapshots of the store, as values."""
        from cudepot.depot.history import History  # noqa: PLC0415 - where a snapshot is read

        return History(self.store.snapshots, self.site_verifier, self.progress)

    @property
    def isolation(self) -> Isolation:
        """What keeps the trouble of one upstream from the others."""
        from cudepot.depot.isolated import Isolation  # noqa: PLC0415 - where something is done for each

        return Isolation(self.store.root, self.unforeseen)

    @property
    def signing(self) -> Signing:
        """What signed files are made with."""
        return Signing(self.store, self.signer, self.clock)

    @property
    def keyring(self) -> Keyring:
        """Whose signatures count."""
        return Keyring(self.base, self.verifier, self.site_verifier)

    @property
    def workshop(self) -> Workshop:
        """What packages are made with."""
        return Workshop(self.config, self.store, self.recipes, self.epoch, self.progress)

    def site(self) -> Site:
        """Return the site that is configured, filled from this depot's store."""
        return self.site_of(self.store)

    def in_channel(self, name: str) -> Depot:
        """Return the same depot whose site is what a channel shows; an empty name leaves it as it is."""
        site_of = self.site_of
        return replace(self, site_of=lambda store: site_of(store).channel(name)) if name else self

    def inspectable(self) -> Inspectable:
        """Return the same site, to be read back and put right."""
        return self.site_of(self.store)

"""The composition root: turns arguments, environment and cudepot.toml into the depot a workflow works on."""

from __future__ import annotations

import argparse
import datetime
import functools
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.cli.journal import Journal, Noted, shown_if_asked
from cudepot.cli.keys import site_signer, site_verifier, upstream_verifier
from cudepot.cli.project_file import load_config
from cudepot.cli.remote import USER_AGENT, open_remote
from cudepot.cli.steps import telling
from cudepot.data import data_folder
from cudepot.depot.depot import Depot
from cudepot.disk import storage_errors
from cudepot.errors import ConfigError
from cudepot.kinds.registry import kind_of
from cudepot.ports import Progress, Source
from cudepot.sites.kind import Surroundings
from cudepot.sites.registry import open_site
from cudepot.store.layout import LOG, TMP
from cudepot.store.local import LocalStore
from cudepot.stores.registry import open_store
from cudepot.transport.limits import Limits, limits_of

if TYPE_CHECKING:
    from cudepot.stores.s3.place import S3StorePlace
    from cudepot.stores.s3.store import S3Store

EPOCH = 1577836800  # 2020-01-01: same payload, same package, whenever it is built


@contextmanager
def opened(
    args: argparse.Namespace, *, exclusive: bool = True, changes: bool = True, calls: bool = True
) -> Iterator[Depot]:
    """Give the depot of the project folder; hold its store unless the verb only reads.

    With ``exclusive`` and no ``changes``, nobody else may change the store meanwhile; it may be on a read-only disk.

    A dry run gets a store that reads from the real one and forgets what is written to it. With ``calls``, hooks are
    called for what the verb changed.
    """
    with (
        telling(f"cudepot {getattr(args, 'verb', '')}: at work", quiet=args.quiet) as shown,
        _opened(args, shown, exclusive=exclusive, changes=changes, calls=calls) as depot,
    ):
        yield depot


@contextmanager
def _opened(
    args: argparse.Namespace, shown: Progress, *, exclusive: bool, changes: bool, calls: bool
) -> Iterator[Depot]:
    base = Path(args.directory).resolve()
    if not base.is_dir():
        raise ConfigError(f"{base}: no such folder", hint="-C names the folder of cudepot.toml")
    config = load_config(base)
    store = open_store(config, base, shown, USER_AGENT, quick=not exclusive, throttle=_limits(args, config).throttle)
    keys = ExitStack()
    depot = _depot(args, base, config, store, shown, keys)
    dry, wait = getattr(args, "dry_run", False), getattr(args, "wait", 0.0)
    with storage_errors(store.root), keys:
        if getattr(args, "workers", "") and not dry:
            depot = replace(depot, workers=keys.enter_context(args.helping(args.workers, base, config, epoch())))
        if not exclusive:
            store.refresh()
            yield depot
            return
        with (
            store.locked(dry=dry or not changes, wait=wait, said=shown.say, who=_who(args)),
            _temporary_files(store),
            keys,
        ):
            if dry:
                from cudepot.store.overlay import dry_run

                with dry_run(store) as scratch:
                    yield replace(depot, store=scratch)
            else:
                args.journal = journal = Journal(store.at(LOG))
                depot = replace(depot, progress=Noted(depot.progress, journal), unforeseen=journal.unforeseen)
                with _calling(depot, journal, calls=calls and changes):
                    yield depot


def _calling(depot: Depot, journal: Journal, *, calls: bool) -> AbstractContextManager[None]:
    """Have hooks called for what a verb changes, where there are hooks."""
    if not calls or not depot.config.hooks:
        return nullcontext()
    from cudepot.cli.hooks_called import calling

    return calling(depot, journal)


def _who(args: argparse.Namespace) -> str:
    """Return what another cudepot reads of this one while it works."""
    return f"cudepot {getattr(args, 'verb', '')} since {datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _source(base: Path, config: Config, limits: Limits, upstream: Upstream) -> Source:
    """Open an upstream; raise ConfigError where nothing says where it is."""
    if error := config.unplaced.get(upstream.name):
        raise error
    return kind_of(upstream).locks.open(
        upstream, base, functools.partial(open_remote, limits=limits.of(upstream.connections))
    )


def _depot(
    args: argparse.Namespace, base: Path, config: Config, store: LocalStore, shown: Progress, keys: ExitStack
) -> Depot:
    limits = _limits(args, config)
    return Depot(
        base=base,
        config=config,
        store=store,
        source=functools.cache(functools.partial(_source, base, config, limits)),  # its connections serve all of a run
        verifier=lambda upstream: upstream_verifier(base, upstream),
        signer=functools.cache(lambda: keys.enter_context(site_signer(base, config))),
        site_verifier=functools.cache(lambda: site_verifier(base, config)),
        site_of=functools.cache(
            lambda objects: open_site(
                config.site, Surroundings(base, objects, shown, USER_AGENT, limits.throttle, config.site.channels)
            )
        ),
        clock=lambda: datetime.datetime.now(datetime.UTC),
        recipes=Path(args.recipes) if getattr(args, "recipes", None) else data_folder("recipes"),
        epoch=epoch(),
        progress=shown,
        unforeseen=shown_if_asked,
        variables=os.environ,
        elsewhere=lambda url: open_remote(url, "*/*", limits=limits.of(0)),
    )


def worker_depot(base: Path, config: Config, stamped: int) -> tuple[Depot, S3Store]:
    """Return the depot of a worker, without key and project, and its store; raise ConfigError without a bucket."""
    from cudepot.cli.progress import Silent
    from cudepot.stores.kind import Around

    place = kept_in_bucket(config)
    store = place.open(Around(base, base / "store", Silent(), USER_AGENT, singly=True))
    with ExitStack() as keys:
        args = argparse.Namespace(recipes=None)
        return replace(_depot(args, base, config, store, Silent(), keys), epoch=stamped), store


def kept_in_bucket(config: Config) -> S3StorePlace:
    """Return where the store is; raise ConfigError where that is a folder."""
    from cudepot.stores.s3.place import S3StorePlace

    if not isinstance(config.kept_in, S3StorePlace):
        raise ConfigError(
            "--workers is for a store in a bucket, which other machines reach",
            hint="describe the bucket in [store] of cudepot.toml, or leave out --workers",
        )
    return config.kept_in


@contextmanager
def passing(args: argparse.Namespace, config: Config, place: Path | None = None) -> Iterator[Depot]:
    """Give a depot without a project: its store is below ``place``, or where temporary files are, and goes with it."""
    from cudepot.cli.progress import Silent
    from cudepot.temporary import temporary_folder

    with temporary_folder(str(place) if place else "") as base, storage_errors(base), ExitStack() as keys:
        store = LocalStore(base / "store", create=True, durable=False)
        with _temporary_files(store):
            yield _depot(args, base, config, store, Silent(), keys)


@contextmanager
def _temporary_files(store: LocalStore) -> Iterator[None]:
    """Keep temporary files in the store: what a killed run leaves is removed when the next one begins."""
    before, place = tempfile.tempdir, store.at(TMP).resolve()
    if os.access(place, os.W_OK):  # else the store is on a read-only disk
        tempfile.tempdir = str(place)
    try:
        yield
    finally:
        tempfile.tempdir = before


def epoch() -> int:
    """Return the seconds since 1970 that built packages are stamped with; raise ConfigError for what is none."""
    text = os.environ.get("SOURCE_DATE_EPOCH", str(EPOCH))
    if not text.isdigit():
        raise ConfigError(f"SOURCE_DATE_EPOCH is {text!r}, not a number of seconds since 1970", hint="unset it")
    return int(text)


def _limits(args: argparse.Namespace, config: Config) -> Limits:
    """Return the limits of this run: one throttle for its store, its upstreams and its site."""
    if not hasattr(args, "limits"):
        args.limits = limits_of(getattr(args, "limit_rate", 0) or config.fetch.rate, config.fetch.connections)
    found: Limits = args.limits
    return found

"""The composition root: turns arguments, environment and cudepot.toml into the depot a workflow works on."""

from __future__ import annotations

import argparse
import datetime
import functools
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import tomli

from cudepot import __version__
from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.cli.journal import Journal, Noted, shown_if_asked
from cudepot.cli.steps import telling
from cudepot.data import data_folder
from cudepot.depot.depot import Depot
from cudepot.disk import storage_errors
from cudepot.errors import ConfigError
from cudepot.kinds.registry import kind_of
from cudepot.ports import Progress, Signer, Source, Verifier
from cudepot.sites.kind import Surroundings
from cudepot.sites.registry import open_site
from cudepot.store.layout import LOG, TMP
from cudepot.store.local import LocalStore
from cudepot.stores.registry import open_store
from cudepot.transport.limits import Limits, limits_of
from cudepot.workflows.configuration import parse_text

if TYPE_CHECKING:
    from cudepot.catalog.config.presets import Preset
    from cudepot.stores.s3.place import S3StorePlace
    from cudepot.stores.s3.store import S3Store

EPOCH = 1577836800  # 2020-01-01: same payload, same package, whenever it is built
USER_AGENT = f"cudepot/{__version__}"
_CORRECT = "correct the line it names"
_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}


def load_config(base: Path) -> Config:
    """Read cudepot.toml in ``base``; raise ConfigError when it is missing or malformed."""
    path, text = base / "cudepot.toml", ""
    try:
        text = path.read_text("utf-8")
        return parse_text(text, machine_place)
    except ConfigError as error:
        hint = error.hint or "`cudepot explain formats` describes every key"
        raise _at(f"{path}{_where(text, error)}", str(error), hint) from error
    except FileNotFoundError as error:
        raise _at(str(path), "not found", "run `cudepot init`, or give the folder with -C") from error
    except tomli.TOMLDecodeError as error:
        raise _at(f"{path}:{error.lineno}:{error.colno}", f"not TOML: {error}", _CORRECT) from error
    except (ValueError, RecursionError) as error:
        raise _at(str(path), f"not TOML: {error}", _CORRECT) from error


def _at(where: str, message: str, hint: str) -> ConfigError:
    error = ConfigError(f"{where}: {message}", hint=hint)
    error.where = where
    return error


def _where(text: str, error: ConfigError) -> str:
    """Return the line and column of what an error names, as ``:14:12``; empty where it names nothing of the text."""
    from cudepot.catalog.config.places import pointed

    found = pointed(text, str(error))
    return f":{found}" if found else ""


def machine_place(preset: Preset, kin: Sequence[Preset]) -> str:
    """Return the URL that this machine is configured for, of a preset that leaves it to the machine."""
    if preset.is_signed:
        from cudepot.cli.machine_archive import machine_archive

        return machine_archive(preset, kin)
    from cudepot.cli.machine_index import machine_index

    return machine_index()


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


def _depot(
    args: argparse.Namespace, base: Path, config: Config, store: LocalStore, shown: Progress, keys: ExitStack
) -> Depot:
    limits = _limits(args, config)
    return Depot(
        base=base,
        config=config,
        store=store,
        source=functools.cache(  # its connections serve all of a run
            lambda upstream: kind_of(upstream).locks.open(
                upstream, base, functools.partial(_remote, limits=limits.of(upstream.connections))
            )
        ),
        verifier=lambda upstream: _verifier(base, upstream),
        signer=functools.cache(lambda: keys.enter_context(_signer(base, config))),
        site_verifier=functools.cache(lambda: _site_verifier(base, config)),
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
        elsewhere=lambda url: _remote(url, "*/*", limits=limits.of(0)),
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


def config_if_any(base: Path) -> Config:
    """Return the configuration of the project in ``base``, or all defaults where there is none."""
    return load_config(base) if (base / "cudepot.toml").exists() else parse_text("version = 1")


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


def _tries() -> int:
    """Return how often a transfer is tried without progress before it is given up."""
    text = os.environ.get("CUDEPOT_TRIES", "5")
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"CUDEPOT_TRIES is {text!r}, not a number from 1 up", hint="unset it: 5 is the default")
    return int(text)


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Declare how long a verb goes on trying where a fault of an upstream may pass."""
    parser.add_argument(
        "--wait",
        type=_seconds,
        default=os.environ.get("CUDEPOT_WAIT", "30"),
        metavar="SECONDS",
        help="keep retrying this long while an upstream's fault may be temporary or another cudepot is running here "
        "(default: 30; 1500 for a scheduled job)",
    )
    add_limit_rate(parser)


def add_store_wait(parser: argparse.ArgumentParser) -> None:
    """Declare how long a verb waits for another cudepot that works on the same store."""
    parser.add_argument(
        "--wait",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="wait this long for another cudepot that uses this store (default: 0, fail at once)",
    )


def _seconds(text: str) -> float:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return float(text)


def add_limit_rate(parser: argparse.ArgumentParser) -> None:
    """Declare how fast bytes may be fetched and sent."""
    parser.add_argument(
        "--limit-rate",
        type=_rate,
        default=0,
        metavar="RATE",
        help="most bytes per second over all connections together: 10M, 500k (default: `limit-rate` of [fetch])",
    )


def _rate(text: str) -> int:
    from cudepot.catalog.config.fetch import parse_rate

    try:
        return parse_rate(text, "--limit-rate")
    except ConfigError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate such as 10M or 500k") from error


def _limits(args: argparse.Namespace, config: Config) -> Limits:
    """Return the limits of this run: one throttle for its store, its upstreams and its site."""
    if not hasattr(args, "limits"):
        args.limits = limits_of(getattr(args, "limit_rate", 0) or config.fetch.rate, config.fetch.connections)
    found: Limits = args.limits
    return found


def _remote(url: str, accept: str, *, limits: Limits) -> Source:
    from cudepot.transport.http.source import HttpSource
    from cudepot.transport.retrying import Retrying

    http = HttpSource(
        url,
        accept=accept,
        user_agent=USER_AGENT,
        plain=_is_plain(),
        certificates=os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or "",
        limits=limits,
    )
    return Retrying(http, tries=_tries())


def _is_plain() -> bool:
    """Return whether the environment names neither a proxy nor a file of logins: then nobody has to look for them."""
    proxies = {name.lower() for name, value in os.environ.items() if value} & _PROXIES
    logins = [os.environ.get("NETRC", ""), *(str(Path.home() / name) for name in (".netrc", "_netrc"))]
    return not proxies and not any(one and Path(one).exists() for one in logins)


def _verifier(base: Path, upstream: Upstream) -> Verifier:
    from cudepot.depot.key_files import key_file, key_files
    from cudepot.signing.gpgv import Gpgv

    for one in upstream.keyrings:
        if not key_file(base, one).is_file():
            from cudepot.depot.shipped import load_presets

            hint = load_presets().where_from(one, upstream.keys)
            raise ConfigError(f"{base / one}: cannot read the public key", hint=hint)
    by_hand = f"`rpm-keys` of upstream {upstream.name!r} in cudepot.toml, with the file in `keyrings`,"
    pin = f"`cudepot trust add {upstream.name} KEYFILE`" if kind_of(upstream).locks.is_signed else by_hand
    return Gpgv(key_files(base, upstream), upstream.keys, pin_with=pin)


def _signer(base: Path, config: Config) -> AbstractContextManager[Signer]:
    from cudepot.signing.gpg import GpgSigner
    from cudepot.signing.origin import OriginKey

    if config.site.origin:
        return nullcontext(OriginKey(base / config.site.origin_keyring, config.site.origin))
    if not config.site.key:
        raise ConfigError("'site.key' in cudepot.toml names no key", hint="`cudepot init` creates one")
    return GpgSigner(base / config.site.gnupg, config.site.key)


def _site_verifier(base: Path, config: Config) -> Verifier:
    from cudepot.signing.gpg import GpgSigner
    from cudepot.signing.gpgv import Gpgv
    from cudepot.temporary import temporary_folder

    if config.site.origin:
        keyring = base / config.site.origin_keyring
        return Gpgv([keyring], [config.site.origin], pin_with="`from` of [site] in cudepot.toml")
    if not config.site.key:
        raise ConfigError("'site.key' in cudepot.toml names no key", hint="`cudepot init` creates one")
    trusted = [GpgSigner(base / config.site.gnupg, one) for one in (config.site.key, *config.site.former_keys)]
    with temporary_folder() as folder:
        (folder / "keys").write_bytes(b"".join(one.public_key(armor=False) for one in trusted))
        return Gpgv([folder / "keys"], [one.fingerprint for one in trusted])

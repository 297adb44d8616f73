"""The option ``--workers``: which machines help."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot import __version__
from cudepot.cli.context import kept_in_bucket
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.catalog.config.config import Config
    from cudepot.depot.workers import Workers


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Declare which machines help."""
    parser.add_argument(
        "--workers",
        default="",
        metavar="SCHEDULER",
        help="let the workers of a Dask scheduler do the work, e.g. tcp://scheduler:8786; the store is in a bucket",
    )
    parser.set_defaults(helping=_helping)


def refuse_recipes(args: argparse.Namespace) -> None:
    """Refuse recipes of one's own beside workers, which build by theirs; raise ConfigError."""
    if args.workers and args.recipes:
        raise ConfigError("--recipes and --workers do not go together", hint="workers build by their own recipes")


@contextmanager
def _helping(address: str, base: Path, config: Config, epoch: int) -> Iterator[Workers]:
    """Give the workers of a scheduler, for a project in ``base``."""
    kept_in_bucket(config)
    from cudepot.cli.dask_workers import DaskWorkers
    from cudepot.cli.worker_tasks import Settings

    text, places = (base / "cudepot.toml").read_text("utf-8"), tuple(sorted(config.machine_places.items()))
    with closing(DaskWorkers(address, Settings(__version__, text, places, epoch))) as workers:
        yield workers

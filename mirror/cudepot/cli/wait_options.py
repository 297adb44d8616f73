"""Options that say how long a verb waits and how fast it may fetch and send."""

from __future__ import annotations

import argparse
import os

from cudepot.errors import ConfigError


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

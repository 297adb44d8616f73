"""Records of promotions: what they say, and that what is no record is refused."""

from __future__ import annotations

import json

import pytest

from cudepot.catalog.site.promotion import Moved, Promotion, parse_promotion, render_promotion
from cudepot.errors import ConfigError

ONE = Promotion(
    2, "f" * 64, "test", "dev", 9, "a" * 64, 7, 8, "alice@host", "2026-11-29T12:00:00Z", "tested",
    {"apt": {"changed": 1}}, (Moved("apt", "apt/x", "libx", "1.0", "1.1"),),
)  # fmt: skip


def test_a_record_is_read_as_it_was_written() -> None:
    assert parse_promotion(render_promotion(ONE), "x") == ONE
    assert ONE.line() == (
        "test: snapshot 9 (7 again), instead of 8, from dev, 2026-11-29T12:00:00Z by alice@host: tested; apt 1 changed"
    )


@pytest.mark.parametrize(
    "spoilt",
    [
        b"no JSON", b"[]", json.dumps({"format": "cudepot-promotion 2"}).encode(),
        render_promotion(ONE).replace(b'"libx"', b"7, 7, 7"),
        render_promotion(ONE).replace(b'"changed": 1', b'"changed": "1"'),
        render_promotion(ONE).replace(b'"shows": 7', b'"shows": -7'),
    ],
)  # fmt: skip
def test_what_is_none_is_refused(spoilt: bytes) -> None:
    with pytest.raises(ConfigError):
        parse_promotion(spoilt, "x")

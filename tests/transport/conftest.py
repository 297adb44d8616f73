"""Sites on S3 for the tests of transports: on each server there is, or on moto alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from simulator.s3 import S3Server
from tests.sites import S3_KINDS, Place, place_of


@pytest.fixture(params=S3_KINDS)
def place(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    s3_server: Callable[[str], S3Server],
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    """A place for a site on each kind of S3 server."""
    return place_of(request.param, tmp_path, s3_server, monkeypatch)


@pytest.fixture
def moto(tmp_path: Path, s3_server: Callable[[str], S3Server], monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place for a site on moto."""
    return place_of("moto", tmp_path, s3_server, monkeypatch)

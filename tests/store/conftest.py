"""A store for the tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest

from cudepot.store.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """An empty store."""
    return LocalStore(tmp_path / "store", create=True)

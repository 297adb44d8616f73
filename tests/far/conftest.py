"""A near side with bundles of each sort, made once, and far sides that have nothing but one file."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.sides import FarAlone, Near, deb_of
from simulator.site_key import SiteKey


@pytest.fixture(scope="session")
def bundles(
    site_key_master: tuple[KeyHome, Key], upstream_key: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory
) -> Near:
    """``full.tar`` (nothing to 1), ``patched.tar`` and ``plain.tar`` (1 to 2, this one --with-cudepot); read only."""
    home, key = site_key_master
    folder = tmp_path_factory.mktemp("near")
    one = Near(folder, SiteKey(home.path, key, folder / "x", folder / "y"), upstream_key)
    one.publish(*(deb_of(f"package{number}", size=300) for number in range(70)))
    one.export("full.tar", 0, "--with-cudepot")
    one.publish(deb_of("second"))
    one.export("patched.tar", 1)
    one.export("plain.tar", 1, "--with-cudepot")
    return one


@pytest.fixture
def far(site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path) -> FarAlone:
    one = FarAlone(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint)
    one.init()
    return one

"""Which upstreams an environment of a distribution's packages reads where it lists none."""

from __future__ import annotations

import pytest

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import APT
from cudepot.errors import ConfigError
from cudepot.kinds.rules.system_wanted import Wanted

TYPE = APT.name
UPSTREAMS = (
    Upstream("ubuntu2204/x86_64", TYPE, distributions=("ubuntu2204",)),
    Upstream("ubuntu/jammy", TYPE, distributions=("ubuntu2204",)),
    Upstream("debian/bookworm", TYPE, distributions=("debian12",)),
    Upstream("tools", TYPE),
    Upstream("jammy-wheels", "simple"),
)


def usual(distribution: str, *named: str) -> list[str]:
    wanted = Wanted(TYPE, ("hello",), named, distribution=distribution)
    return [one.name for one in wanted.owners(UPSTREAMS)]


def test_those_of_its_distribution_and_those_of_none() -> None:
    assert usual("ubuntu2204") == ["ubuntu2204/x86_64", "ubuntu/jammy", "tools"]
    assert usual("debian12") == ["debian/bookworm", "tools"]


def test_what_is_listed_counts_whatever_it_is_for() -> None:
    assert usual("ubuntu2204", "debian/bookworm", "tools") == ["debian/bookworm", "tools"]


def test_where_none_fits_the_distribution_is_named() -> None:
    with pytest.raises(ConfigError, match="there is no upstream") as caught:
        Wanted(TYPE, ("hello",), distribution="debian13").owners(UPSTREAMS[:3])
    assert "debian13" in caught.value.hint

"""``[[upstream]]`` of type ``yum``: an rpm repository, whose root is signed or believed by its hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError
from cudepot.kinds.rules.first_settings import usual
from cudepot.kinds.rules.upstream_fields import (
    WEB_OR_FILE,
    check_extras,
    check_keys,
    keys_of,
    url_of,
    with_mirror_fields,
    with_subset_fields,
)

SIGNED, HASH_LOCK = TRUST = ("signed", "hash-lock")


class YumSettings(NamedTuple):
    """What only a yum repository has.

    Attributes:
        trust: ``signed``, or ``hash-lock``: an unsigned root is believed because of its hash in the lock.
        undated: whether a root that tells no time is accepted, though an old one looks like a new one then.
    """

    trust: str = SIGNED
    undated: bool = False

    def hashed(self) -> Mapping[str, object]:
        """Return what decides what is locked; what locks of format 1 did not know counts only where it is used."""
        later = {"trust": self.trust if self.trust != SIGNED else "", "undated": self.undated}
        return {**usual(architectures=True), **{name: value for name, value in later.items() if value}}


def yum_settings(upstream: Upstream) -> YumSettings:
    """Return the settings of an upstream; those of another kind that holds a yum repository are the usual ones."""
    return upstream.settings if isinstance(upstream.settings, YumSettings) else YumSettings()


def parse_yum(table: Table, upstream: Upstream) -> Upstream:
    """Return an upstream with all its table says; packages are signed by the root's keys unless others are named."""
    known = with_subset_fields(replace(upstream, url=url_of(table, WEB_OR_FILE)), table, "x86_64")
    own = YumSettings(table.choice("trust", TRUST, SIGNED), table.flag("undated"))
    given = with_mirror_fields(known, table, () if own.trust == HASH_LOCK else None)
    full = replace(given, package_keys=keys_of(table, "rpm-keys", given.keys), settings=own)
    _check_trust(full, own, table)
    check_extras(full, table, lambda path: path.startswith("repodata/"))
    return full


def _check_trust(upstream: Upstream, own: YumSettings, table: Table) -> None:
    if own.trust == SIGNED:
        check_keys(upstream, table)
    elif upstream.keys:
        raise ConfigError(
            f'{table.path("keys")!r}: with `trust = "hash-lock"` no signature of the root counts',
            hint="list the keys that sign its packages in `rpm-keys`",
        )

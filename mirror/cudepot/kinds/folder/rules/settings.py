"""``[[upstream]]`` of type ``folder``: files somebody downloaded."""

from __future__ import annotations

from dataclasses import replace

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.fields import Table
from cudepot.kinds.rules.first_settings import FirstSettings
from cudepot.kinds.rules.upstream_fields import with_package_keys


def parse_folder(table: Table, upstream: Upstream) -> Upstream:
    """Return an upstream with how its debs are published, and which keys its rpms can be held to; raise ConfigError."""
    known = replace(upstream, path=table.text("path"), settings=FirstSettings())
    return replace(with_package_keys(known, table), valid_for=table.duration("valid-for"))

"""``[[upstream]]`` of type ``local-repo``: an installer, a deb or rpm that holds a repository."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError
from cudepot.kinds.rules.first_settings import usual
from cudepot.kinds.rules.upstream_fields import with_package_keys, with_subset_fields

_SHA256 = re.compile(r"[0-9a-f]{64}")


class InstallerSettings(NamedTuple):
    """What only an installer has; ``sha256``: what it holds, its key included, is trusted because of it."""

    sha256: str

    def hashed(self) -> Mapping[str, object]:
        """Return what decides what is locked."""
        return {**usual(architectures=True), "sha256": self.sha256}


def sha256_of(upstream: Upstream) -> str:
    """Return the sha256 an installer must have."""
    assert isinstance(upstream.settings, InstallerSettings), upstream.type
    return upstream.settings.sha256


def holds_rpms(upstream: Upstream) -> bool:
    """Return whether an installer holds a yum repository: it is an rpm itself."""
    return upstream.path.endswith(".rpm")


def parse_installer(table: Table, upstream: Upstream) -> Upstream:
    """Return an upstream with all its table says; packages in an rpm can be held to keys from outside as well."""
    known = replace(upstream, path=table.text("path"), settings=InstallerSettings(_sha256(table)))
    if holds_rpms(known):
        return with_subset_fields(with_package_keys(known, table), table, "x86_64")
    return replace(with_subset_fields(known, table, "amd64"), valid_for=table.duration("valid-for"))


def _sha256(table: Table) -> str:
    found = table.text("sha256")
    if not _SHA256.fullmatch(found):
        raise ConfigError(
            f"expected the sha256 of the installer in {table.path('sha256')!r}, found {found!r}",
            hint="everything in it, its key included, is trusted because of this hash: copy it from NVIDIA's page",
        )
    return found

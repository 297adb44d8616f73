"""``[site]`` and ``[build]`` of cudepot.toml as values: where and as whom cudepot publishes, how packages are built."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError
from cudepot.fingerprints import fingerprint

_CHANNEL = re.compile(r"[a-z0-9][a-z0-9._+-]*")
_LABEL = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Site:
    """Where and as whom cudepot publishes.

    Attributes:
        path: folder of the site, relative to cudepot.toml.
        label: who we are: part of wheel versions (``8.0.5.39+LABEL.1``) and of the key's name.
        key: full fingerprint of the signing key.
        former_keys: fingerprints of keys that signed earlier snapshots; they verify, but sign no more.
        gnupg: GnuPG home with the secret key, relative to cudepot.toml.
        channel: name of the conda channel below ``conda/``.
        keep: snapshots kept in the folder, the current one included.
    """

    path: str
    label: str
    key: str
    former_keys: tuple[str, ...]
    gnupg: str
    channel: str
    keep: int


@dataclass(frozen=True, slots=True)
class Build:
    """How packages are built.

    Attributes:
        number: conda build number, and the last part of a wheel's local version.
        zstd_level: compression level of conda packages, 1 to 22.
        deflate_level: compression level of wheels, 0 to 9.
    """

    number: int
    zstd_level: int
    deflate_level: int


def parse_site(table: Table) -> Site:
    """Return ``[site]``; raise ConfigError that names the place of the first fault."""
    site = Site(
        path=table.text("path", "site"),
        label=table.text("label", "site"),
        key=fingerprint(table.text("key")) if table.text("key", "") else "",
        former_keys=tuple(fingerprint(one) for one in table.texts("former-keys", ())),
        gnupg=table.text("gnupg", "gnupg"),
        channel=table.text("channel", "main"),
        keep=table.integer("keep", 3, low=1),
    )
    table.done()
    if not _LABEL.fullmatch(site.label):
        raise ConfigError(
            f"'site.label' must be lower-case letters, digits and dots, found {site.label!r}",
            hint="it becomes a local version label (PEP 440)",
        )
    if not _CHANNEL.fullmatch(site.channel):
        raise ConfigError(f"'site.channel' is not a plain name: {site.channel!r}")
    return site


def parse_build(table: Table) -> Build:
    """Return ``[build]``; raise ConfigError likewise."""
    build = Build(
        number=table.integer("number", 1),
        zstd_level=table.integer("zstd-level", 9, low=1, high=22),
        deflate_level=table.integer("deflate-level", 6, high=9),
    )
    table.done()
    return build

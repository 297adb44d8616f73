"""The manifest of a backup: which files of the project and its store it has, which objects, and what is left out. Pure.

Format: ``docs/formats.md``.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from cudepot.catalog.fields import Table, digest_table
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.paths import safe_name

FORMAT = "cudepot-backup 1"
_MADE_UP = "do not use it: somebody made it up"


class Left(NamedTuple):
    """An object that is left out, because an upstream has it."""

    upstream: str
    path: str
    digest: Digest


class Backup(NamedTuple):
    """What a backup consists of.

    Attributes:
        created: UTC time as ISO 8601.
        signer: fingerprint of the site key that signs it.
        keys: the site's public keys, armored: the present one and former ones.
        store: folder of the store, below the project.
        shown: channel → number of the snapshot it showed; under an empty name for a site without channels.
        project: path below the project → content.
        state: path below the store → content.
        objects: objects of the store that it has.
        left: those that it has not.
        modes: path of a file or folder of the project → its permissions, where they are not 0644 or 0755.
        links: path of a link of the project → where it leads, which is in the project.
    """

    created: str
    signer: str
    keys: str
    store: str
    shown: Mapping[str, int]
    project: Mapping[str, Digest]
    state: Mapping[str, Digest]
    objects: tuple[Digest, ...]
    left: tuple[Left, ...]
    modes: Mapping[str, int] = MappingProxyType({})
    links: Mapping[str, str] = MappingProxyType({})

    @property
    def members(self) -> tuple[Digest, ...]:
        """What lies in the file set, each once, in order."""
        return tuple(sorted({*self.project.values(), *self.state.values(), *self.objects}))


def render_backup(one: Backup) -> bytes:
    """Return the document; equal backups give equal bytes."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "created": one.created,
        "signer": one.signer,
        "keys": one.keys,
        "store": one.store,
        "shown": dict(one.shown),
        "project": {path: digest_table(digest) for path, digest in one.project.items()},
        "state": {path: digest_table(digest) for path, digest in one.state.items()},
        "objects": [digest_table(digest) for digest in one.objects],
        "left": [{"upstream": each.upstream, "path": each.path, **digest_table(each.digest)} for each in one.left],
        "modes": dict(one.modes),
        "links": dict(one.links),
    }
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def parse_backup(data: bytes, what: str) -> Backup:
    """Return a manifest; raise ConfigError when it is malformed, of another format, or names a path that is none."""
    try:
        table = Table(json.loads(data), tolerant=True)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{what}: not JSON: {error}", hint="give the file that `cudepot backup` wrote") from error
    found = table.text("format")
    if found.startswith("cudepot-bundle "):
        raise ConfigError(f"{what}: is a bundle, not a backup", hint="`cudepot bundle import` takes it")
    if found != FORMAT:
        hint = "use the cudepot that wrote it, or a newer one"
        raise ConfigError(f"{what}: format {found!r}; this cudepot reads {FORMAT!r}", hint=hint)
    shown, modes, links = table.table("shown"), _optional(table, "modes"), _optional(table, "links")
    return Backup(
        table.text("created"),
        table.text("signer"),
        table.text("keys"),
        _path(table.text("store"), what),
        {name: shown.integer(name) for name in shown.names()},
        _files(table.table("project"), what),
        _files(table.table("state"), what),
        tuple(one.digest() for one in table.tables("objects")),
        tuple(Left(one.text("upstream"), one.text("path"), one.digest()) for one in table.tables("left")),
        {_path(path, what): modes.integer(path, high=0o777) for path in modes.names()},
        {_path(path, what): _target(path, links.text(path), what) for path in links.names()},
    )


def _optional(table: Table, key: str) -> Table:
    """Return a table that cudepots before it do not write; an empty one where it is not there."""
    return table.table(key) if table.has(key) else Table({})


def _files(table: Table, what: str) -> dict[str, Digest]:
    return {_path(path, what): table.table(path).digest() for path in table.names()}


def leads_inside(path: str, target: str) -> bool:
    """Return whether a link at ``path`` below the project leads to something below the project, by its words alone."""
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return bool(target) and "\0" not in target and not target.startswith("/") and joined.split("/")[0] != ".."


def _target(path: str, target: str, what: str) -> str:
    if not leads_inside(path, target):
        raise ConfigError(f"{what}: the link {path!r} leads out of the project", hint=_MADE_UP)
    return target


def _path(path: str, what: str) -> str:
    if safe_name(path) != path:
        raise ConfigError(f"{what}: {path!r} is not a plain path", hint=_MADE_UP)
    return path

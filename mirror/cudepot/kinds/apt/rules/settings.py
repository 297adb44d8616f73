"""``[[upstream]]`` of type ``apt``: a signed apt repository, flat or with ``dists/``."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import APT
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError
from cudepot.kinds.rules.first_settings import usual
from cudepot.kinds.rules.upstream_fields import (
    WEB_OR_FILE,
    check_extras,
    check_keys,
    url_of,
    with_mirror_fields,
    with_subset_fields,
)

_SNAPSHOT = "%Y%m%dT%H%M%SZ"


class AptSettings(NamedTuple):
    """What only an apt repository has.

    Attributes:
        suites: ``("/",)``, or a folder and a slash, for a flat repository, else folders below ``dists/``.
        components: of a ``dists/`` repository.
        sources: whether a whole repository is mirrored with its source packages.
        skip_indexes: globs over indexes, as the Release names them, that a whole repository does without.
        undated: whether a root that tells no time is accepted, though an old one looks like a new one then.
        snapshot: day and time of a snapshot service, ``20261101T000000Z``: the root has to be valid then, not now.
    """

    suites: tuple[str, ...] = ("/",)
    components: tuple[str, ...] = ()
    sources: bool = False
    skip_indexes: tuple[str, ...] = ()
    undated: bool = False
    snapshot: str = ""

    def hashed(self) -> Mapping[str, object]:
        """Return what decides what is locked; what locks of format 1 did not know counts only where it is used."""
        later = {"sources": self.sources, "skip_indexes": self.skip_indexes, "undated": self.undated}
        later |= {"snapshot": self.snapshot}
        used = {name: value for name, value in later.items() if value}
        return {**usual(architectures=True), "suites": self.suites, "components": self.components, **used}


def apt_settings(upstream: Upstream) -> AptSettings:
    """Return the settings of an upstream; those of another kind that holds an apt repository are the usual ones."""
    return upstream.settings if isinstance(upstream.settings, AptSettings) else AptSettings()


def parse_apt(table: Table, upstream: Upstream) -> Upstream:
    """Return an upstream with all its table says; raise ConfigError."""
    known = with_subset_fields(replace(upstream, url=url_of(table, WEB_OR_FILE)), table, "amd64")
    own = AptSettings(
        suites=table.texts("suites", ("/",)),
        components=table.texts("components", ()),
        sources=table.flag("sources"),
        skip_indexes=table.texts("skip-indexes", ()),
        undated=table.flag("undated"),
        snapshot=_snapshot(table),
    )
    full = replace(with_mirror_fields(known, table), valid_for=table.duration("valid-for"), settings=own)
    check_keys(full, table)
    _check_suites(own, table)
    _check_whole(full, own, table)
    return full


def moment(own: AptSettings) -> datetime.datetime | None:
    """Return when a snapshot was; None where there is none."""
    return datetime.datetime.strptime(own.snapshot, _SNAPSHOT).replace(tzinfo=datetime.UTC) if own.snapshot else None


def _snapshot(table: Table) -> str:
    text = table.text("snapshot", "")
    try:
        moment(AptSettings(snapshot=text))
    except ValueError:
        raise ConfigError(
            f"expected a time as '20261101T000000Z' in {table.path('snapshot')!r}, found {text!r}",
            hint="in UTC, the form that snapshot services use in their URLs",
        ) from None
    return text


def _check_suites(own: AptSettings, table: Table) -> None:
    flat = [suite for suite in own.suites if suite.endswith("/")]
    if bool(flat) == bool(own.components) or (flat and len(own.suites) > 1) or not own.suites:
        raise ConfigError(
            f"{table.where}: a flat repository has one suite, '/' or 'FOLDER/', and no components; a repository "
            "with dists/ has both",
        )


def _check_whole(upstream: Upstream, own: AptSettings, table: Table) -> None:
    for key, given in (("sources", own.sources), ("skip-indexes", own.skip_indexes)):
        if given and not upstream.whole:
            raise ConfigError(f"{table.path(key)!r} without `whole = true`", hint="a subset has only packages")
    check_extras(upstream, table, (*APT.roots, *APT.signatures).__contains__)

"""The debs or rpms an export is about: what was chosen, and what that needs of the same repository."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

from cudepot.catalog.ecosystems import HeldKind
from cudepot.catalog.site.choice import Choice, selected
from cudepot.catalog.site.holdings import Held, SiteFacts
from cudepot.formats import version as deb_version
from cudepot.formats.apt import Relation, parse_relations
from cudepot.formats.deb import read_control
from cudepot.formats.deb822 import parse_stanza
from cudepot.formats.rpm_header import read_head
from cudepot.store.local import LocalStore

ByName = Mapping[str, Sequence[Held]]


def system_set(store: LocalStore, site: SiteFacts, kind: str, choice: Choice) -> tuple[Held, ...]:
    """Return the chosen debs or rpms with what they need; what is not on the site is the distribution's."""
    roots = selected(site.held, (kind,), choice)
    if not choice.only:
        return roots
    needs: Callable[[LocalStore, Held, ByName], Iterator[Held]] = _of_deb if kind == HeldKind.DEB else _of_rpm
    there: dict[str, dict[str, list[Held]]] = {}
    for one in site.of(kind):
        there.setdefault(one.repository, {}).setdefault(one.name, []).append(one)
    chosen, waiting = set(roots), list(roots)
    while waiting:
        one = waiting.pop()
        new = set(needs(store, one, there[one.repository])) - chosen
        chosen |= new
        waiting += new
    return tuple(one for one in site.of(kind) if one in chosen)


def _of_deb(store: LocalStore, deb: Held, beside: ByName) -> Iterator[Held]:
    """Give for each dependency the newest deb there that meets it."""
    with store.open(deb.digest) as handle:
        fields = parse_stanza(read_control(handle, what=deb.path), deb.path)
    for key in ("Pre-Depends", "Depends"):
        for alternatives in parse_relations(fields.get(key, "")):
            yield from next(filter(None, (_newest(deb, one, beside) for one in alternatives)), [])


def _newest(deb: Held, relation: Relation, beside: ByName) -> list[Held]:
    """Return the newest deb that meets a relation, of the same architecture where there are several."""
    found = [
        one
        for one in beside.get(relation.name, ())
        if relation.admits(one.version) and ("all" in (one.platform, deb.platform) or one.platform == deb.platform)
    ]
    order = functools.cmp_to_key(deb_version.compare)
    return [max(found, key=lambda one: order(one.version))] if found else []


def _of_rpm(store: LocalStore, rpm: Held, beside: ByName) -> Iterator[Held]:
    """Give what an rpm requires in exactly one version, be it with or without the release."""
    with store.open(rpm.digest) as handle:
        exact = set(read_head(handle, what=rpm.path).exact_requires)
    for one in (one for name in {name for name, _ in exact} for one in beside.get(name, ())):
        evr = one.version.removeprefix("0:")
        forms = {(one.name, evr), (one.name, evr.rpartition("-")[0])}
        if forms & exact and one.platform in (rpm.platform, "noarch"):
            yield one

"""What a machine of an environment has before: nothing, a minimal system of its upstreams, or what a file lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cudepot.catalog.config.listings import Installed, read_listing
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.depot.request import read_wanted
from cudepot.errors import ConfigError, PinError
from cudepot.formats.rpm_version import key
from cudepot.kinds.kind import Solving
from cudepot.kinds.rules.system_wanted import Wanted
from cudepot.kinds.yum.rules.joint import Base, Question, set_base, solved
from cudepot.kinds.yum.rules.union import Package, Union
from cudepot.kinds.yum.rules.wishes import bootstrap

_SHOWN = 8  # names in one note


def base_of(asking: Solving, union: Union) -> list[str]:
    """Tell a pool what its machine has before; return what is to be told of that.

    Raises:
        PinError: a minimal system cannot be made of the upstreams.
        ConfigError: the file lists no rpms.
    """
    wanted, base = asking.wanted, asking.environment.base
    assert isinstance(wanted, Wanted)
    if wanted.listing:
        text = read_wanted(asking.depot.base, wanted.listing).decode(errors="replace")
        installed = [one for one in read_listing(text) if one.kind == ArtifactKind.RPM]
        if not installed:
            raise ConfigError(f"{wanted.listing}: lists no rpms", hint="create it with `rpm -qa` on such a machine")
        return _listed(union, installed)
    if base == "minbase":
        return _minimal(union)
    return []


def _minimal(union: Union) -> list[str]:
    answer = solved(union, Question(bootstrap(union)))
    if answer.refused:
        raise PinError(f"no minimal system can be made from the upstreams: {answer.refused}")
    set_base(union, [_as_offered(union, union.packages[one]) for one in answer.chosen])
    return [f"treated as installed: a minimal system of {len(answer.chosen)} packages"]


def _listed(union: Union, installed: list[Installed]) -> list[str]:
    found, unknown = list[Base](), list[str]()
    for one in installed:
        if one.name == "gpg-pubkey":
            continue
        offered = _offered(union, one)
        found.append(offered or Base(one.name, one.version, one.architecture or "noarch"))
        if offered is None:
            unknown.append(one.name)
    set_base(union, found)
    return list(_unknown_notes(len(found), unknown))


def _unknown_notes(count: int, unknown: list[str]) -> Iterator[str]:
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        yield (
            f"{len(unknown)} of the machine's {count} packages are in no upstream, so only their names are "
            f"known, not what they provide: {', '.join(unknown[:_SHOWN])}{more}"
        )


def _offered(union: Union, one: Installed) -> Base | None:
    """Return an installed package as an upstream offers it: that very one, or else one of its name, of its version."""
    there = [each for each in union.by_name.get(one.name, ()) if one.architecture in ("", each.architecture)]
    if same := next((each for each in there if each.evr == one.version), None):
        return _as_offered(union, same)
    if not there:
        return None
    near = max(there, key=lambda each: key(each.evr))
    other = _as_offered(union, near)
    provides = tuple(text.replace(f"= {near.evr}", f"= {one.version}") for text in other.provides)
    return other._replace(evr=one.version, provides=provides, requires=(), conflicts=(), obsoletes=())


def _as_offered(union: Union, one: Package) -> Base:
    solv: Any = union.solv
    provides, requires, conflicts, obsoletes = (
        tuple(union.relations(one.id, kind))
        for kind in (
            solv.SOLVABLE_PROVIDES, solv.SOLVABLE_REQUIRES, solv.SOLVABLE_CONFLICTS, solv.SOLVABLE_OBSOLETES,
        )
    )  # fmt: skip
    return Base(
        one.name, one.evr, one.architecture, provides, requires, conflicts, obsoletes, tuple(union.files(one.id))
    )

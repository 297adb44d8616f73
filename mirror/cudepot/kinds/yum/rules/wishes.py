"""What the names of an environment mean among the packages of a pool, in dnf's order of readings. Pure.

``NAME``, a path, a capability, ``NAME-VERSION`` with as much of epoch, release and architecture as is meant, globs;
``@MODULE:STREAM/PROFILE`` and ``@GROUP``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from cudepot.catalog.name_globs import fits
from cudepot.errors import PinError
from cudepot.formats.rpm_version import split_evr
from cudepot.kinds.yum.rules.closure import BESIDE
from cudepot.kinds.yum.rules.joint import Wish
from cudepot.kinds.yum.rules.pins import RpmPin, read_ways
from cudepot.kinds.yum.rules.union import Package, Union

_BOOTSTRAP = (
    ("setup",), ("filesystem",), ("bash",), ("glibc-minimal-langpack", "glibc"), ("coreutils", "coreutils-single"),
    ("rpm",), ("dnf", "dnf5", "microdnf", "yum"),
)  # fmt: skip
"""What a bare machine is made of, the first of each line that an upstream has; it brings the rest with it."""
_RELEASE = "system-release"
"""The capability that the package of a distribution's release provides."""


def wish(union: Union, spec: str, hidden: frozenset[int] = frozenset()) -> Wish:
    """Return what one name means; raise PinError where nothing is offered under it.

    A plain name means its successors as well, which obsolete it; and what the machine has of it before.
    """
    for way in _ways(union, spec):
        found = [one for one in union.named(way.name) if _means(way, one) and one.id not in hidden]
        if found:
            there = (one.id for one in union.installed.values() if fits(one.name, way.name) and _means(way, one))
            return Wish(spec, (*(one.id for one in found), *_successors(union, way, found, hidden), *there))
    every = union.owners(spec) if spec.startswith("/") else union.providers(spec)
    provided = [one for one in every if one in union.installed or (one in union.packages and one not in hidden)]
    if not provided:
        raise PinError(f"none of the environment's upstreams has {spec}", hint=_hint(union, spec, hidden))
    return Wish(spec, tuple(provided))


def _ways(union: Union, spec: str) -> list[RpmPin]:
    return [] if spec.startswith(("/", "(")) or " " in spec else read_ways(spec, "", (union.architecture,))


def _means(way: RpmPin, one: Package) -> bool:
    epoch, version, release = split_evr(one.evr)
    return (
        fits(one.architecture, way.arch)
        and way.epoch in ("", epoch)
        and fits(version, way.version)
        and fits(release, way.release)
    )


def _successors(union: Union, way: RpmPin, found: Sequence[Package], hidden: frozenset[int]) -> list[int]:
    """Return the packages that obsolete what is meant: dnf takes them for a plain name."""
    if way.versioned or way.arch != "*":
        return []
    there = {one.id for one in found}
    return [one for one in union.obsoleters(there) if one not in there and one not in hidden]


def is_second(union: Union, specs: Iterable[str]) -> bool:
    """Return whether one of the names asks for the machine's second architecture: ``glibc.i686``."""
    return any(spec.rpartition(".")[2] in BESIDE.get(union.architecture, ()) for spec in specs)


def bootstrap(union: Union) -> list[Wish]:
    """Return what a machine that has nothing needs first, by name; raise PinError where no upstream has it."""
    found = []
    for names in _BOOTSTRAP:
        first = next((one for one in names if one in union.by_name), None)
        if first is None:
            raise PinError(
                f"a bare machine needs {' or '.join(names)}, but none of the environment's upstreams has it",
                hint="add the distribution's own repositories to `upstreams`, or leave out `bootstrap`",
            )
        found.append(wish(union, first))
    release = [one for one in union.providers(_RELEASE) if one in union.packages]
    return [*found, Wish(_RELEASE, tuple(release))] if release else found


def _hint(union: Union, spec: str, hidden: frozenset[int]) -> str:
    ways = _ways(union, spec)
    if filtered := [one for way in ways for one in union.named(way.name) if one.id in hidden]:
        return f"{filtered[0].nevra} belongs to a module stream that is not active: add @MODULE:STREAM"
    named = (way.name for way in ways if way.name in union.by_name)
    versions = [one.evr for name in named for one in union.by_name[name]]
    if versions:
        return f"versions there: {', '.join(dict.fromkeys(versions[-8:]))}"
    name, equals, _ = spec.partition("=")
    if equals and (offered := union.by_name.get(name.strip())):
        return f"rpms are asked for as NAME-VERSION: write {name.strip()}-{offered[-1].evr}"
    close = _like(spec, list(union.by_name))
    return f"similar names there: {', '.join(close)}" if close else "check the name and the environment's upstreams"


def _like(spec: str, names: Sequence[str]) -> list[str]:
    """Return names that may have been meant: those that begin alike for most of it, else those spelt alike."""
    begun = {name: _alike(spec, name) for name in names}
    most = max(begun.values(), default=0)
    if most >= max(6, len(spec) * 2 // 3):
        return sorted(name for name, length in begun.items() if length == most)[:5]
    return get_close_matches(spec, names, 5)


def _alike(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (mine, theirs) in pairs if mine != theirs), min(len(one), len(other)))

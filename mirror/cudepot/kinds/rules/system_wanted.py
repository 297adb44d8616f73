"""What an ``[[environment]]`` of cudepot.toml says of packages that a distribution's package manager installs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase

from cudepot.catalog.config.environments import Environment
from cudepot.catalog.config.machine_words import own_word
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import LockedTarget
from cudepot.errors import ConfigError

_FILE = "file:"
_BESIDE = ("upstreams", "priorities", "from")
"""Keys that only say more of the packages that are wanted."""
_PRIORITIES = 1 << 15  # apt keeps them in a signed short


@dataclass(frozen=True, slots=True)
class Wanted:
    """The packages an environment has to have, and where they come from.

    Attributes:
        kind: type of the upstreams.
        packages: as the package manager takes them; debs ``NAME`` or ``NAME=VERSION-GLOB``.
        upstreams: those they may come from, the first first; empty for all that are for ``distribution`` or say no
            distribution, as they are in cudepot.toml.
        priorities: upstream → its priority, as the package manager counts them.
        origins: name, or a glob over names → the one upstream that may have such packages.
        listing: file that lists what the machine has before, relative to cudepot.toml; empty for none.
        distribution: what the machines run.
    """

    kind: str
    packages: tuple[str, ...]
    upstreams: tuple[str, ...] = ()
    priorities: tuple[tuple[str, int], ...] = ()
    origins: tuple[tuple[str, str], ...] = ()
    listing: str = ""
    distribution: str = ""

    def hashed(self) -> Mapping[str, object]:
        """Return all of it: it decides what is locked."""
        return asdict(self)

    def owners(self, upstreams: Sequence[Upstream]) -> tuple[Upstream, ...]:
        """Return the upstreams in their order; raise ConfigError where one is not there."""
        there = {one.name: one for one in upstreams if one.type == self.kind}
        for name in self.upstreams:
            if name not in there:
                raise ConfigError(
                    f"an environment takes packages from {name!r}, but no [[upstream]] of type {self.kind!r} "
                    "has that name",
                    hint=f"there are: {', '.join(there) or 'none'}",
                )
        fitting = [
            one.name for one in there.values() if not one.distributions or self.distribution in one.distributions
        ]
        if not (self.upstreams or fitting):
            raise ConfigError(
                f"an environment needs packages, but there is no upstream of type {self.kind!r} to take them from",
                hint=f"add {self.distribution or 'the distribution'} and whatever else is needed, each as an "
                "[[upstream]]: "
                "`cudepot upstreams` lists presets",
            )
        found = tuple(there[name] for name in self.upstreams or fitting)
        self._check_named({one.name for one in found})
        return found

    def _check_named(self, names: set[str]) -> None:
        named = (*(name for name, _ in self.priorities), *(name for _, name in self.origins))
        if strange := [name for name in named if name not in names]:
            raise ConfigError(
                f"`priorities` or `from` of an environment names {strange[0]!r}, which is not one of its upstreams",
                hint=f"its upstreams are {', '.join(sorted(names))}",
            )

    def files(self, read: Callable[[str], bytes]) -> Mapping[str, bytes]:
        """Return the listing of what the machine has before, where there is one."""
        return {self.listing: read(self.listing)} if self.listing else {}

    def priority(self, upstream: str, usual: int) -> int:
        """Return the priority of an upstream; ``usual`` where none is said."""
        return dict(self.priorities).get(upstream, usual)

    def owner(self, package: str) -> str:
        """Return the upstream that ``from`` gives a package to, an exact name before globs; empty for none."""
        exact = dict(self.origins)
        if package in exact:
            return exact[package]
        return next((upstream for glob, upstream in self.origins if fnmatchcase(package, glob)), "")

    def idle(self, names: Collection[str]) -> Iterator[str]:
        """Give a line for each name in ``from`` that nothing is called: written wrong, it would hold nothing silently.

        Args:
            names: those of all packages there are.
        """
        for glob, _ in self.origins:
            if glob not in names and not any(fnmatchcase(one, glob) for one in names):
                yield f"`from` names {glob!r}, but no upstream has a package of that name"


def parse_system(table: Table, environment: Environment, key: str, kind: str) -> Wanted | None:
    """Return what an ``[[environment]]`` wants under ``key`` of upstreams of a kind; None for nothing.

    Raises:
        ConfigError: a value is wrong, or something is missing beside what is given.
    """
    found = Wanted(
        kind,
        table.texts(key, ()),
        table.texts("upstreams", ()),
        _priorities(table),
        tuple(table.mapping("from").items()),
        environment.base.removeprefix(_FILE) if environment.base.startswith(_FILE) else "",
        environment.distribution,
    )
    if not found.packages:
        return None
    if not environment.distribution:
        raise ConfigError(
            f"{table.path(key)!r} without {table.path('distribution')!r}",
            hint="name what the machines run, in one word: their client files are named after it",
        )
    return found


def check_lonely(table: Table, environment: Environment, wants: Sequence[tuple[str, object]]) -> None:
    """Raise ConfigError for keys of such packages in an environment that wants none, or that wants two sorts."""
    found = [one for _, one in wants if isinstance(one, Wanted)]
    if len(found) > 1:
        raise ConfigError(
            f"{table.where!r} wants packages of {' and '.join(one.kind for one in found)}: a machine uses only "
            "one of them",
            hint="split it into two environments",
        )
    own = ("distribution", "architectures", "base", "bootstrap", "recommends", *_BESIDE)
    if lonely := [key for key in own if table.has(key) and not found]:
        raise ConfigError(
            f"{table.path(lonely[0])!r} in {environment.name!r}, which has no packages from a distribution",
            hint="list them in `deb` or `rpm`",
        )


def system_targets(environment: Environment, wanted: Wanted, words: Mapping[str, str]) -> tuple[LockedTarget, ...]:
    """Return a target for each architecture, without members; its fields are all that solving it again takes.

    Args:
        environment: as cudepot.toml has it.
        wanted: what it says of the packages.
        words: platform → what packages call it.

    Raises:
        ConfigError: a platform has no such packages.
    """
    for one in () if environment.architectures else environment.platforms:
        if one not in words:
            raise ConfigError(
                f"environment {environment.name!r}: there are no such packages for {one}",
                hint=f"platforms are {', '.join(words)}; or set `architectures`",
            )
    for one in environment.architectures:
        if meant := own_word(one, [*words.values()]):
            raise ConfigError(
                f"environment {environment.name!r}: packages of {environment.distribution} are not for {one!r}",
                hint=f'they call that machine {meant}: say `architectures = ["{meant}"]`',
            )
    named = environment.architectures or tuple(words[one] for one in environment.platforms)
    flags = {"bootstrap": environment.bootstrap, "recommends": environment.recommends}
    own = {
        "base": environment.base,
        **{key: "true" for key, value in flags.items() if value},
        "upstreams": " ".join(wanted.upstreams),
        "priorities": " ".join(f"{name}={number}" for name, number in wanted.priorities),
        "from": " ".join(f"{glob}={name}" for glob, name in wanted.origins),
    }
    said = tuple((key, text) for key, text in own.items() if text)
    label = environment.distribution
    return tuple(
        LockedTarget(f"{label}-{one}", (("distribution", label), ("architecture", one), *said), ()) for one in named
    )


def _priorities(table: Table) -> tuple[tuple[str, int], ...]:
    inner = table.table("priorities")
    return tuple((name, inner.integer(name, low=-_PRIORITIES, high=_PRIORITIES - 1)) for name in inner.names())

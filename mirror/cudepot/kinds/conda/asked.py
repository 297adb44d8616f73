"""All that an environment asks for of conda packages: what stands in cudepot.toml, and in the files it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Artifact, LockedTarget
from cudepot.depot.request import read_wanted
from cudepot.errors import ConfigError, PinError, TrustError
from cudepot.formats.conda_record import Package, name_of, without_suffix
from cudepot.kinds.conda.environment import KIND, Wanted
from cudepot.kinds.conda.rules.channel_names import known
from cudepot.kinds.conda.walk import Channels
from cudepot.kinds.kind import Solving
from cudepot.kinds.rules.conda_files.asked import FileAsked, Line, Pinned, everywhere
from cudepot.kinds.rules.conda_files.files import read_file
from cudepot.kinds.rules.conda_files.names import file_of

_NAMED = 5  # in one message


class Asked(NamedTuple):
    """What an environment asks for.

    Attributes:
        roots: match specs for all platforms.
        others: platform → match specs for it alone, beside those.
        channels: where packages come from, the first first.
        pinned: packages that locks name, each with the upstream it is to come from.
        owners: name of a package → the upstreams that alone may have it.
        notes: what was not followed, a line each.
        places: match spec → ``FILE:LINE``, of those in files.
    """

    roots: tuple[str, ...]
    others: Mapping[str, tuple[str, ...]]
    channels: tuple[Upstream, ...]
    pinned: tuple[tuple[str, Pinned], ...] = ()
    owners: Mapping[str, frozenset[str]] = MappingProxyType({})
    notes: tuple[str, ...] = ()
    places: Mapping[str, str] = MappingProxyType({})

    def names(self) -> list[str]:
        """Return the names of the packages that are asked for."""
        every = (*self.roots, *(one for each in self.others.values() for one in each))
        return [_name(one, self.places.get(one, "")) for one in every]

    def filled(self, target: LockedTarget) -> LockedTarget:
        """Return a target with what is asked for on its machines alone."""
        return target._replace(roots=self.others.get(dict(target.fields)["platform"], ()))


def asked_for(asking: Solving) -> Asked:
    """Return all that an environment asks for.

    Raises:
        ConfigError: a file cannot be read, a channel is no upstream, or what a file wants beside is nobody's.
    """
    wanted, environment = asking.wanted, asking.environment
    assert isinstance(wanted, Wanted)
    upstreams = wanted.owners(asking.depot.config.upstreams)
    if not wanted.conda_files:
        return Asked(wanted.conda, {}, upstreams)
    files = list(_files(asking, wanted))
    _check_platforms(environment.platforms, files)
    _check_wheels(asking, files)
    channels = upstreams if wanted.channels else _channels(files, upstreams)
    pinned = [one for file in files for one in file.pinned if one.platform in ("", *environment.platforms)]
    specs = [one for file in files for one in file.specs if one.platform in ("", *environment.platforms)]
    named = [(known(Line(one.channel, one.where), channels).name, one) for one in pinned]
    lines = everywhere([*specs, *map(_as_spec, pinned)], environment.platforms)
    plain = tuple(dict.fromkeys([*wanted.conda, *(one.text for one in lines if not one.platform)]))
    return Asked(
        plain,
        {name: tuple(one.text for one in lines if one.platform == name) for name in environment.platforms},
        channels,
        tuple(named),
        _owners(specs, named, channels),
        tuple(note for file in files for note in file.notes),
        {one.text: one.where for one in lines},
    )


def _files(asking: Solving, wanted: Wanted) -> Iterator[FileAsked]:
    for text in wanted.conda_files:
        name, chosen = file_of(text)
        yield read_file(name, read_wanted(asking.depot.base, name), chosen, asking.environment.platforms)


def _check_platforms(platforms: Sequence[str], files: Sequence[FileAsked]) -> None:
    """Raise ConfigError where locks are for some platforms, and none is for one of these."""
    told = [one.platforms for one in files if one.platforms is not None]
    there = {platform for each in told for platform in each}
    if told and (missing := [one for one in platforms if one not in there]):
        raise ConfigError(
            f"`conda-files`: nothing is locked for {', '.join(missing)}",
            hint=f"they are for {', '.join(sorted(there)) or 'no platform'}: lock them for more platforms, or "
            "ask for fewer",
        )


def _check_wheels(asking: Solving, files: Sequence[FileAsked]) -> None:
    """Raise ConfigError where a file wants wheels, and no other part of the environment reads them in it."""
    read = partial(read_wanted, asking.depot.base)
    others = {name for kind, wants in asking.environment.wants if kind != KIND for name in wants.files(read)}
    lacking = [one for file in files for one in file.pip if one.where.rpartition(":")[0] not in others]
    if lacking:
        first = lacking[0].where.rpartition(":")[0]
        named = "; ".join(f"{one.where} {one.text.partition(' --hash')[0][:80]}" for one in lacking[:_NAMED])
        raise ConfigError(
            f"{first} wants {len(lacking)} from pip, not conda: {named}{'; …' * (len(lacking) > _NAMED)}",
            hint=f'wheels are resolved as such: add `requirements = "{first}"` and `python` to the environment, and an '
            "upstream that has them",
        )


def _channels(files: Sequence[FileAsked], upstreams: Sequence[Upstream]) -> tuple[Upstream, ...]:
    """Return the channels that files name, in their order; all there are where they name none."""
    named = [known(one, upstreams) for file in files for one in file.channels]
    return tuple({one.name: one for one in named}.values()) or tuple(upstreams)


def _as_spec(one: Pinned) -> Line:
    name, version, build = without_suffix(one.filename).rsplit("-", 2)
    return Line(f"{name} =={version} {build}", one.where, one.platform, one.channel)


def _owners(
    specs: Iterable[Line], pinned: Iterable[tuple[str, Pinned]], channels: Sequence[Upstream]
) -> dict[str, frozenset[str]]:
    """Return the upstreams of packages that are asked for of one channel."""
    found = [
        (_name(one.text, one.where), known(Line(one.channel, one.where), channels).name) for one in specs if one.channel
    ]
    found += [(name_of(one.filename), upstream) for upstream, one in pinned]
    owners: dict[str, set[str]] = {}
    for name, upstream in found:
        owners.setdefault(name, set()).add(upstream)
    return {name: frozenset(each) for name, each in owners.items()}


def _name(spec: str, where: str) -> str:
    from cudepot.kinds.conda.select import name_in  # noqa: PLC0415 - loads the solver's library

    try:
        return name_in(spec)
    except ConfigError as error:
        raise error.retold(f"{where}: {error}" if where else str(error)) from error


def narrowed(channels: Channels, asked: Asked) -> Channels:
    """Return of what channels have what may be taken: of a name that is one channel's, that; of a locked file, that.

    Raises:
        PinError: a channel does not have what a lock names.
        TrustError: it has it with other bytes.
    """
    if not asked.pinned and not asked.owners:
        return channels
    _check_pinned(channels, asked)
    files: dict[tuple[str, str, str], set[str]] = {}
    for upstream, one in asked.pinned:
        files.setdefault((upstream, one.subdir, without_suffix(one.filename)), set()).add(one.filename)

    def may_be(upstream: str, subdir: str, one: Package) -> bool:
        is_its = upstream in asked.owners.get(one.name, (upstream,))
        return is_its and one.filename in files.get((upstream, subdir, one.stem), (one.filename,))

    return {
        upstream: {
            subdir: replace(found, packages=[one for one in found.packages if may_be(upstream, subdir, one)])
            for subdir, found in there.items()
        }
        for upstream, there in channels.items()
    }


def _check_pinned(channels: Channels, asked: Asked) -> None:
    wanted = {one.filename for _, one in asked.pinned}
    every = {
        (upstream, subdir, one.filename): one
        for upstream, there in channels.items()
        for subdir, found in there.items()
        for one in found.packages
        if one.filename in wanted
    }
    lacking = [one for upstream, one in asked.pinned if (upstream, one.subdir, one.filename) not in every]
    if lacking:
        named = "; ".join(f"{one.where} {one.subdir}/{one.filename}" for one in lacking[:_NAMED])
        raise PinError(
            "the channels do not have, or no longer have, what a lock names: "
            f"{named}{' and others' * (len(lacking) > _NAMED)}",
            hint="regenerate that lock with the tool that made it",
        )
    for upstream, one in asked.pinned:
        record = every[upstream, one.subdir, one.filename].record
        _check_bytes(upstream, one, {key: record.get(key) for key in ("sha256", "md5")})


def check_locked(asked: Asked, artifacts: Mapping[tuple[str, str, str], Artifact]) -> None:
    """Raise TrustError where what is locked of a channel, which may not tell its sha256, is not what a lock says."""
    for upstream, one in asked.pinned:
        if found := artifacts.get((upstream, one.subdir, one.filename)):
            _check_bytes(upstream, one, {"sha256": found.digest.sha256})


def _check_bytes(upstream: str, one: Pinned, there: Mapping[str, str | None]) -> None:
    for key, told in (("sha256", one.sha256), ("md5", one.md5)):
        if told and there.get(key) not in (None, "", told):
            raise TrustError(
                f"{one.where}: {one.filename} has {key} {told} there, and {there[key]} in {upstream}",
                hint="one of the two is not what was published: ask whoever made the lock",
            )

"""Which module streams are active on a machine, and what they hide from it, as dnf decides both. Pure.

Source: libdnf's ``dnf-sack.cpp`` and ``ModulePackageContainer``. Packages of the active streams are there, and hide
all others that provide their names; packages of other streams are not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cudepot.errors import PinError
from cudepot.kinds.yum.rules.modules import documents_of

_SPEC = re.compile(r"@(?P<name>[^:/]+)(?::(?P<stream>[^:/]+))?(?:/(?P<profile>[^:/]+))?")
_PLATFORM = "platform"


class Stream(NamedTuple):
    """One version of one stream of a module.

    Attributes:
        requires: each of the ways in which it may be met: module → streams of it, empty for any.
        profiles: name → packages.
        nevras: its packages, with their epoch.
        left: names of packages that it has and that hide nothing (``demodularized``).
    """

    name: str
    stream: str
    version: int
    requires: tuple[Mapping[str, tuple[str, ...]], ...]
    profiles: Mapping[str, tuple[str, ...]]
    nevras: tuple[str, ...]
    left: tuple[str, ...] = ()

    def fits(self, active: Mapping[str, str]) -> bool:
        """Return whether what it requires is active."""
        ways = self.requires or ({},)
        return any(all(_admits(streams, active.get(name, "")) for name, streams in way.items()) for way in ways)


class Defaults(NamedTuple):
    """What a repository has of one module unless somebody asks otherwise."""

    stream: str
    profiles: Mapping[str, tuple[str, ...]]


class Asked(NamedTuple):
    """A module that is asked for: ``@nodejs:20/default``; empty for what its defaults say."""

    name: str
    stream: str
    profile: str


def asked_module(spec: str) -> Asked | None:
    """Return which module a root may mean; None for one that is none."""
    found = _SPEC.fullmatch(spec)
    return Asked(found["name"], found["stream"] or "", found["profile"] or "") if found else None


class Modules:
    """The modules of several repositories.

    Attributes:
        streams: all of them.
        defaults: by module; of several repositories the last one counts, as for dnf.
    """

    def __init__(self, texts: Iterable[tuple[str, bytes]]) -> None:
        self.streams: list[Stream] = []
        self.defaults: dict[str, Defaults] = {}
        for what, text in texts:
            for one in documents_of(text, what):
                if one.get("document") == "modulemd":
                    self.streams.append(_stream(one))
                elif one.get("document") == "modulemd-defaults" and (found := _defaults(one)):
                    self.defaults[found[0]] = found[1]

    def known(self, name: str) -> bool:
        """Return whether there is a module of that name."""
        return any(one.name == name for one in self.streams)

    def active(self, asked: Sequence[Asked], platform: str) -> Active:
        """Return what is active on a machine.

        Args:
            asked: modules that somebody wants.
            platform: the stream of ``platform`` that machines are of, ``el9``; empty where that is not known.

        Raises:
            PinError: there is no such stream, or two of one module are wanted.
        """
        chosen = {_PLATFORM: platform} if platform else {}
        for one in asked:
            stream = one.stream or self._default(one.name)
            if chosen.setdefault(one.name, stream) != stream:
                raise PinError(f"module {one.name}: streams {chosen[one.name]} and {stream} conflict with each other")
            self._of(one.name, stream)
        self._require(chosen)
        for name, default in self.defaults.items():
            if default.stream and name not in chosen:
                self._try(chosen, name, default.stream)
        return Active([one for one in self.streams if chosen.get(one.name) == one.stream and one.fits(chosen)], self)

    def _default(self, name: str) -> str:
        there = sorted({one.stream for one in self.streams if one.name == name})
        found = self.defaults[name].stream if name in self.defaults else ""
        if not found and len(there) == 1:
            found = there[0]
        if not found:
            raise PinError(
                f"module {name} has no default stream",
                hint=f"choose one: {', '.join(f'@{name}:{one}' for one in there)}",
            )
        return found

    def _of(self, name: str, stream: str) -> list[Stream]:
        found = [one for one in self.streams if (one.name, one.stream) == (name, stream)]
        if not found:
            there = ", ".join(sorted({one.stream for one in self.streams if one.name == name}))
            raise PinError(f"module {name} has no stream {stream!r}", hint=f"streams there: {there}")
        return found

    def _require(self, chosen: dict[str, str]) -> None:
        """Add what the chosen streams require, the default stream first where that will do.

        Raises:
            PinError: it is not available.
        """
        waiting = [name for name in chosen if name != _PLATFORM]
        while waiting:
            name = waiting.pop()
            versions = sorted(self._of(name, chosen[name]), key=lambda one: -one.version)
            ways = [way for one in versions for way in one.requires or ({},)]
            for need, streams in next((way for way in ways if self._met(way, chosen)), ways[0]).items():
                if need == _PLATFORM:
                    if chosen.get(_PLATFORM) and not _admits(streams, chosen[_PLATFORM]):
                        raise PinError(f"module {name}:{chosen[name]} is for platform {', '.join(streams)}")
                elif need in chosen:
                    if not _admits(streams, chosen[need]):
                        raise PinError(
                            f"module {name}:{chosen[name]} requires {need}:{' or '.join(streams)}, but {need}:"
                            f"{chosen[need]} is requested"
                        )
                else:
                    chosen[need] = self._one_of(need, streams)
                    waiting.append(need)

    def _met(self, way: Mapping[str, Sequence[str]], chosen: Mapping[str, str]) -> bool:
        """Return whether one of the ways a stream may be met holds with what is chosen, or can be had beside it."""
        return all(
            _admits(streams, chosen[need]) if need in chosen else need == _PLATFORM or self._fitting(need, streams)
            for need, streams in way.items()
        )

    def _fitting(self, name: str, streams: Sequence[str]) -> list[str]:
        there = [one.stream for one in sorted(self.streams, key=lambda one: -one.version) if one.name == name]
        default = self.defaults[name].stream if name in self.defaults else ""
        return [one for one in [default, *there] if one and _admits(streams, one)]

    def _one_of(self, name: str, streams: Sequence[str]) -> str:
        found = self._fitting(name, streams)
        if not found:
            raise PinError(f"module {name}:{' or '.join(streams) or '*'} is required, but no upstream has it")
        return found[0]

    def _try(self, chosen: dict[str, str], name: str, stream: str) -> None:
        """Add a default stream with what it requires, where that can be had."""
        trial = {**chosen, name: stream}
        try:
            self._require(trial)
        except PinError:
            return
        chosen.update(trial)


class Active(NamedTuple):
    """The active streams among all modules."""

    streams: list[Stream]
    modules: Modules

    @property
    def nevras(self) -> set[str]:
        """Packages of the active streams."""
        return {nevra for one in self.streams for nevra in one.nevras}

    @property
    def others(self) -> set[str]:
        """Packages of streams that are not active, and of none that is."""
        return {nevra for one in self.modules.streams for nevra in one.nevras} - self.nevras

    @property
    def names(self) -> set[str]:
        """Names that packages of no active stream may not provide."""
        binary = {
            nevra.rsplit("-", 2)[0]
            for one in self.streams
            for nevra in one.nevras
            if not nevra.endswith((".src", ".nosrc"))
        }
        return binary - {name for one in self.streams for name in one.left}

    def packages(self, asked: Asked) -> list[str]:
        """Return the packages of the profile that is asked for; of the default one, where none is named.

        Raises:
            PinError: there is no such profile.
        """
        of_it = [one for one in self.streams if one.name == asked.name]
        profiles = {
            name: rpms for one in sorted(of_it, key=lambda one: one.version) for name, rpms in one.profiles.items()
        }
        stream = of_it[0].stream if of_it else asked.stream
        default = self.modules.defaults.get(asked.name, Defaults("", {})).profiles.get(stream, ())
        wanted = (asked.profile,) if asked.profile else default
        if not wanted and len(profiles) == 1:
            wanted = tuple(profiles)
        if not wanted or any(one not in profiles for one in wanted):
            lacking = f"profile {asked.profile!r}" if asked.profile else "default profile"
            there = ", ".join(sorted(profiles)) or "none"
            raise PinError(
                f"module {asked.name}:{stream} has no {lacking}",
                hint=f"profiles there: {there}; @{asked.name}:{stream}/PROFILE takes one",
            )
        return list(dict.fromkeys(name for one in wanted for name in profiles[one]))


def _admits(streams: Sequence[str], stream: str) -> bool:
    """Return whether one of the streams will do: any where none is named, others than those with a minus."""
    if not stream:
        return False
    ruled_out = [one[1:] for one in streams if one.startswith("-")]
    named = [one for one in streams if not one.startswith("-")]
    return stream not in ruled_out and (not named or stream in named)


def _stream(document: Mapping[str, Any]) -> Stream:
    data = _mapping(document.get("data"))
    needs = [_mapping(_mapping(one).get("requires")) for one in _list(data.get("dependencies"))]
    version = str(data.get("version", ""))
    profiles = _mapping(data.get("profiles"))
    return Stream(
        str(data.get("name", "")),
        str(data.get("stream", "")),
        int(version) if version.isdecimal() else 0,
        tuple({str(name): _texts(streams) for name, streams in one.items()} for one in needs),
        {str(name): _texts(_mapping(one).get("rpms")) for name, one in profiles.items()},
        _texts(_mapping(data.get("artifacts")).get("rpms")),
        _texts(data.get("demodularized", {}).get("rpms") if isinstance(data.get("demodularized"), dict) else ()),
    )


def _defaults(document: Mapping[str, Any]) -> tuple[str, Defaults] | None:
    data = _mapping(document.get("data"))
    profiles = {str(stream): _texts(names) for stream, names in _mapping(data.get("profiles")).items()}
    return (str(data["module"]), Defaults(str(data.get("stream") or ""), profiles)) if data.get("module") else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in _list(value))

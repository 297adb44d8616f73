"""The machines an environment is for, as conda's solvers see them: virtual packages (CEP 30). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from cudepot.catalog.config.environments import Environment
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import LockedTarget
from cudepot.errors import ConfigError

_ARCHITECTURES = {"linux-aarch64": "aarch64", "linux-ppc64le": "ppc64le", "osx-arm64": "m1"}
"""What every machine of a platform can do; elsewhere plain x86_64."""
_ASSUMED = {"linux": "5.10", "osx": "11.0"}
"""Versions where none is said: of the kernel, that of the oldest distributions NVIDIA's drivers still run on; of macOS,
the oldest that runs on both kinds of machine."""
_ALL = ("platform", "archspec")
_KEYS = {
    "linux": (*_ALL, "linux", "glibc", "cuda", "cuda-arch"),
    "win": (*_ALL, "win", "cuda", "cuda-arch"),
    "osx": (*_ALL, "osx"),
}
"""System → what can be said of its machines."""
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")
_ARCHSPEC = re.compile(r"[a-z0-9_]+")

Profile = Mapping[str, str]
"""What somebody says of machines: name of a virtual package without its underscores → version; of ``archspec`` the
microarchitecture, ``x86_64_v3``."""


def parse_profiles(table: Table, key: str) -> tuple[Profile, ...]:
    """Return the profiles of an ``[[environment]]``; raise ConfigError for what is none."""
    found = tuple({name: one.text(name) for name in one.names()} for one in table.tables(key))
    known = {name for names in _KEYS.values() for name in names} - {"platform"}
    for number, profile in enumerate(found):
        where = f"{table.path(key)}[{number}]"
        if unknown := sorted(profile.keys() - known):
            raise ConfigError(f"unknown key '{where}.{unknown[0]}'", hint=f"known here: {', '.join(sorted(known))}")
        for name, text in profile.items():
            form, wanted = (_ARCHSPEC, "x86_64_v3") if name == "archspec" else (_VERSION, "2.28")
            if not form.fullmatch(text):
                raise ConfigError(f"expected a value like {wanted!r} in '{where}.{name}', found {text!r}")
    return found


def targets_of(environment: Environment, profiles: Sequence[Profile] = ()) -> Iterator[LockedTarget]:
    """Give the targets, without members: one a platform and profile, alike ones once.

    Args:
        environment: its ``glibc`` is that of a profile that names none. Without profiles there is one, with a driver
            where the environment says for which CUDA.
        profiles: of machines.
    """
    told = [{"glibc": environment.glibc, **one} for one in profiles]
    told = told or [{"glibc": environment.glibc, "cuda": environment.cuda}]
    differing = {name for one in told for name in one if len({each.get(name, "") for each in told}) > 1}
    for platform in environment.platforms:
        seen: set[str] = set()
        for one in told:
            target = _target(platform, one, differing | {"cuda"})
            if target.name not in seen:
                seen.add(target.name)
                yield target


def _target(platform: str, profile: Profile, named: set[str]) -> LockedTarget:
    """Return a target, called by what tells it from others."""
    fields = {"platform": platform, **profile}
    kept = {key: fields[key] for key in _KEYS[platform.partition("-")[0]] if fields.get(key)}
    parts = [platform, *(f"{key}{kept[key]}" for key in sorted(kept.keys() & named, key=_order))]
    return LockedTarget("-".join(parts), tuple(sorted(kept.items(), key=lambda one: _order(one[0]))), ())


def _order(key: str) -> int:
    return ("platform", "linux", "osx", "win", "glibc", "cuda", "cuda-arch", "archspec").index(key)


def virtual_packages(target: LockedTarget) -> dict[str, tuple[str, str]]:
    """Return the virtual packages of a target's machines: name → version and build."""
    fields = dict(target.fields)
    platform = fields["platform"]
    system = platform.partition("-")[0]
    found = {"__archspec": ("1", fields.get("archspec") or _ARCHITECTURES.get(platform, "x86_64"))}
    if system != "win":
        found["__unix"] = ("0", "0")
    found[f"__{system}"] = (fields.get(system) or _ASSUMED.get(system, "0"), "0")
    others = {"__glibc": "glibc", "__cuda": "cuda", "__cuda_arch": "cuda-arch"}
    return found | {name: (fields[key], "0") for name, key in others.items() if key in fields}


def described(target: LockedTarget) -> str:
    """Return a target's machines as people read them.

    >>> described(LockedTarget("linux-64", (("platform", "linux-64"), ("glibc", "2.28")), ()))
    '__archspec=1=x86_64 __unix __linux=5.10 __glibc=2.28'
    """
    return " ".join(_text(name, *one) for name, one in virtual_packages(target).items())


def _text(name: str, version: str, build: str) -> str:
    return name if (version, build) == ("0", "0") else f"{name}={version}" + f"={build}" * (build != "0")

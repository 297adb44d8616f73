"""Which packages of a channel an entry of a pin means: conda's match specs, as rattler reads them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import rattler

from cudepot.catalog.config.config import Pin
from cudepot.catalog.name_globs import Names, is_glob
from cudepot.errors import ConfigError, PinError
from cudepot.formats.conda_record import SUFFIXES, Package, name_of
from cudepot.formats.conda_subdir import Subdir

_NOARCH = "noarch"
_MOST_NAMED = 5
_AFTER_NAME = re.compile(r"[\s\[=<>!~]")


class Want(NamedTuple):
    """One entry of a pin's ``packages``.

    Attributes:
        name: of the packages; empty where the entry stands for several names, and the channel has none of them.
        spec: what is matched; None where the entry is the name of a file.
        is_one_of_many: whether the entry stands for several names, so that not each has to be on all platforms.
    """

    pin: Pin
    text: str
    name: str
    spec: rattler.MatchSpec | None
    is_one_of_many: bool = False

    def matches(self, package: Package) -> bool:
        """Return whether it means a package."""
        if self.spec is None:
            return package.filename == self.text
        return self.spec.matches(_as_rattler_has_it(package))


class Chosen(NamedTuple):
    """A package that is meant, and the subdir it is in."""

    want: Want
    subdir: str
    package: Package


def wanted(pins: Sequence[Pin], names: Callable[[], Iterable[str]]) -> list[Want]:
    """Return what the pins of a channel want.

    Args:
        pins: the pins.
        names: gives the names of all packages the channel has; called where an entry stands for several.

    Raises:
        ConfigError: an entry is not a match spec.
    """
    known = functools.cache(lambda: Names(names()))
    return [want for pin in pins for text in pin.packages for want in _wants(pin, text, known)]


def _wants(pin: Pin, text: str, known: Callable[[], Names]) -> Iterator[Want]:
    glob = glob_in(text)
    if not glob:
        yield _want(pin, text)
        return
    rest, first = text[len(glob) :], None
    for name in known().fitting(glob):
        first = _want(pin, f"{name}{rest}")
        yield first._replace(text=text, is_one_of_many=True)
    if first is None:
        _want(pin, f"x{rest}")
        yield Want(pin, text, "", None, True)


def glob_in(text: str) -> str:
    """Return the names an entry stands for, as a glob; empty where it names one package or file.

    >>> glob_in("cuda-* >=12,<13"), glob_in("numpy 2.*"), glob_in("*"), glob_in("cuda-nvcc-12.6.20-0.conda")
    ('cuda-*', '', '*', '')
    """
    name = _AFTER_NAME.split(text, maxsplit=1)[0]
    return name if is_glob(name) and not text.endswith(SUFFIXES) else ""


def name_in(text: str) -> str:
    """Return the package that an entry which could be read is of."""
    return _want(Pin("", ()), text).name


def _want(pin: Pin, text: str) -> Want:
    if text.endswith(SUFFIXES):
        name = name_of(text)
        if not name or "/" in text:
            raise ConfigError(
                f"{text!r} in `packages` is not a conda package's file name",
                hint="expected NAME-VERSION-BUILD.conda, without a folder",
            )
        return Want(pin, text, name, None)
    try:
        spec = rattler.MatchSpec(text, strict=False)
    except Exception as error:
        raise ConfigError(
            f"{text!r} is not a match spec: {' '.join(str(error).split())[:300]}",
            hint="for example `zlib`, `numpy >=2,<3`, `python=3.12`, or a file name",
        ) from error
    if spec.channel is not None or spec.subdir is not None or spec.name is None:
        raise ConfigError(
            f"{text!r} names a channel or subdir",
            hint="the pin's `upstream` gives the channel, `subdirs` the platforms",
        )
    return Want(pin, text, spec.name.normalized, spec)


def leave_out_unreadable(subdir: Subdir) -> None:
    """Leave out the packages that rattler cannot read, and note why: no client of it could install them either."""
    odd = {one.filename: why for one in subdir.packages if (why := _unreadable(one.name, one.version, one.build))}
    subdir.packages = [one for one in subdir.packages if one.filename not in odd]
    subdir.odd += [f"{subdir.subdir}/{filename}: {why}" for filename, why in odd.items()]


def _unreadable(name: str, version: str, build: str) -> str:
    """Return why rattler cannot read a package that has that name; empty where it can."""
    return _odd(rattler.PackageName, name) or _odd(rattler.Version, version) or _why_not(_BUILD, build)


def _why_not(read: Callable[[str], object], text: str) -> str:
    try:
        read(text)
    except Exception as error:  # noqa: BLE001 - whatever its types are
        return " ".join(str(error).split())[:200] or type(error).__name__
    return ""


_BUILD = rattler.package.BuildString
_odd = functools.lru_cache(1 << 13)(_why_not)
"""The same of what many packages have in common."""


def by_name(subdir: Subdir) -> dict[str, Subdir]:
    """Return what a subdir has of each name: to look through all of it for each would take names times packages."""
    found: dict[str, Subdir] = {}
    for one in subdir.packages:
        if one.name not in found:
            found[one.name] = replace(subdir, packages=[])
        found[one.name].packages.append(one)
    return found


def chosen(want: Want, subdirs: Mapping[str, Subdir]) -> list[Chosen]:
    """Return the packages an entry means: of the newest versions that all its platforms have, the newest builds.

    How many versions the pin's ``keep`` says; where that is all of them, all builds. Of a package in both forms the
    ``.conda`` is taken, as clients do, unless all is wanted. Where the entry stands for several names, each platform
    has its own newest, if any.

    Raises:
        PinError: nothing is meant, or no version is there for all platforms.
    """
    seen = {one: list(_matching(want, one, subdirs)) for one in want.pin.subdirs}
    if want.is_one_of_many:
        return _once(one for found in seen.values() for one in _kept(want.pin.keep, [found]))
    if missing := [subdir for subdir, packages in seen.items() if not packages]:
        why, hint = _nothing(want, missing, subdirs)
        raise PinError(why, hint=hint)
    if want.spec is None:
        return _once(one for found in seen.values() for one in found)
    if kept := _kept(want.pin.keep, list(seen.values())):
        return _once(kept)
    told = "; ".join(f"{subdir} has {_newest_versions(found)}" for subdir, found in seen.items())
    raise PinError(
        f"pin {want.text!r} matches no version available for all of its platforms: {told}",
        hint="give platforms with different versions a [[pin]] each",
    )


def _kept(keep: int, seen: Sequence[Sequence[Chosen]]) -> list[Chosen]:
    """Return what is kept of the packages of some platforms: the newest builds of the newest versions all have."""
    if not keep:
        return [one for found in seen for one in found]
    versions = {one.package.version: rattler.Version(one.package.version) for found in seen for one in found}
    kept: list[Chosen] = []
    for version in sorted(set(versions.values()), reverse=True):
        those = [[one for one in found if versions[one.package.version] == version] for found in seen]
        if all(those):
            kept += [one for found in those for one in _newest(found)]
            keep -= 1
        if not keep:
            break
    return kept


def _matching(want: Want, platform: str, subdirs: Mapping[str, Subdir]) -> Iterator[Chosen]:
    is_any = want.spec is not None and str(want.spec) == want.name
    for subdir in dict.fromkeys((platform, _NOARCH)):
        there = subdirs[subdir].packages if subdir in subdirs else []
        named = [one for one in there if one.name == want.name]
        mine = named if is_any else [one for one in named if want.matches(one)]
        newer = {one.stem for one in mine if one.filename.endswith(SUFFIXES[0])}
        both = want.spec is None or not want.pin.keep
        for one in mine:
            if both or one.filename.endswith(SUFFIXES[0]) or one.stem not in newer:
                yield Chosen(want, subdir, one)


def _newest(found: Sequence[Chosen]) -> list[Chosen]:
    number = max(one.package.number for one in found)
    return [one for one in found if one.package.number == number]


def _once(found: Iterable[Chosen]) -> list[Chosen]:
    return list({(one.subdir, one.package.filename): one for one in found}.values())


def _nothing(want: Want, missing: Sequence[str], subdirs: Mapping[str, Subdir]) -> tuple[str, str]:
    """Return what is said, and the hint, where there is no package for some platforms."""
    every = [one for found in subdirs.values() for one in found.packages if one.name == want.name]
    if want.text in {name for found in subdirs.values() for name in found.removed}:
        return f"pin {want.text!r}: its channel has withdrawn it", "pin another build; the locked one is kept"
    if not every and want.spec is None:
        return (
            f"pin {want.text!r}: the channel does not have it, or no longer has it",
            "pin another build; the locked one is kept",
        )
    if not every:
        return (
            f"pin {want.text!r}: the channel does not have {want.name} for {', '.join(missing)}",
            "check the spelling",
        )
    there = _newest_versions([Chosen(want, "", one) for one in every])
    return f"pin {want.text!r} matches nothing for {', '.join(missing)}", f"the channel has {want.name} {there}"


def _newest_versions(found: Sequence[Chosen]) -> str:
    versions = sorted({one.package.version for one in found}, key=rattler.Version)
    return ", ".join(versions[-_MOST_NAMED:])


def _as_rattler_has_it(package: Package) -> rattler.PackageRecord:
    """Return what specs look at."""
    record = package.record
    return rattler.PackageRecord(
        package.name,
        package.version,
        rattler.package.BuildString(package.build),
        package.number,
        str(record.get("subdir") or _NOARCH),
        sha256=bytes.fromhex(record["sha256"]) if record.get("sha256") else None,
        md5=bytes.fromhex(record["md5"]) if record.get("md5") else None,
        license=record.get("license") if isinstance(record.get("license"), str) else None,
        flags=record.get("flags"),
    )

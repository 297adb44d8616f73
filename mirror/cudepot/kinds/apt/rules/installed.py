"""What a machine has before an environment is installed: named by a listing, or what debootstrap makes first. Pure.

Formats: what ``dpkg -l``, ``dpkg-query -W`` and ``apt list --installed`` print, and lines ``NAME=VERSION``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cudepot.catalog.config.listings import decode_listing, read_listing
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.digest import Digest
from cudepot.errors import ConfigError, FormatError
from cudepot.formats import version as deb_version
from cudepot.formats.apt import Package, Relation
from cudepot.kinds.apt.rules.machine import admitted
from cudepot.kinds.apt.rules.marking import Present
from cudepot.kinds.apt.rules.union import Union

_PLAIN = re.compile(r"([a-z0-9][a-z0-9+.-]*)(?::([a-z0-9-]+))?=([^\s=]\S*)")
_NO_FILE = Digest.of(b"")


class Listed(NamedTuple):
    """A package that a machine has; ``architecture`` is empty where the listing does not say."""

    name: str
    version: str
    architecture: str = ""


class Installed(Present):
    """What a machine has before.

    Args:
        packages: what is installed, with what is known of it.
        union: what there is, for its machine.
    """

    def __init__(self, packages: Iterable[Package], union: Union) -> None:
        self._union, self._machine = union, union.machine
        self._offering: dict[str, list[Package]] = {}
        self.packages = list(packages)
        for one in self.packages:
            for name in {each.name for each in union.facts(one).offers}:
                self._offering.setdefault(name, []).append(one)

    def meets(self, relation: Relation, by: Package) -> bool:
        """Return whether what the machine has meets a relation."""
        facts, machine = self._union.facts, self._machine
        return any(
            machine.reaches(one, relation, by) and admitted(facts(one).offers, relation)
            for one in self._offering.get(relation.name, ())
        )

    def excluded_by(self, package: Package) -> Iterator[tuple[Package, Relation]]:
        """Give what of it a package excludes, or what excludes the package."""
        facts, machine = self._union.facts, self._machine
        for _, relation in facts(package).excludes:
            for one in self._offering.get(relation.name, ()):
                if one.name != package.name and machine.hits(one, facts(one).offers, relation, package):
                    yield one, relation


def read_installed(data: bytes, what: str) -> list[Listed]:
    """Return the debs that a listing says are installed.

    Raises:
        ConfigError: it lists none, or cut versions off.
    """
    text = decode_listing(data)
    plain = [found for line in text.splitlines() if (found := _PLAIN.fullmatch(line.strip()))]
    listed = [Listed(found[1], found[3], found[2] or "") for found in plain]
    for one in () if plain else read_listing(text):
        if one.kind == ArtifactKind.DEB and one.cut:
            raise ConfigError(f"{what}: {one.name} {one.version} may be cut off", hint="print it with `dpkg-query -W`")
        if one.kind == ArtifactKind.DEB:
            listed.append(Listed(one.name, one.version, one.architecture))
    if not listed:
        raise ConfigError(f"{what}: lists no debs", hint="give it the output of `dpkg -l | cat` or `dpkg-query -W`")
    return [_checked(one, what) for one in listed]


def _checked(one: Listed, what: str) -> Listed:
    try:
        deb_version.parse(one.version)
    except FormatError as error:
        raise error.retold(f"{what}: {one.name}: {error}") from error
    return one


def known(union: Union, listed: Sequence[Listed]) -> list[Package]:
    """Return the packages of a listing: as a repository has that version, or another one, or by name alone."""
    machines = ("", "all", union.machine.native, *union.machine.foreign)
    return [_known(union, one) for one in listed if one.architecture in machines]


def _known(union: Union, listed: Listed) -> Package:
    native = union.machine.native
    key = (listed.name, native if listed.architecture in ("", "all") else listed.architecture)
    every = [one for one, _ in union.rivals(key)]
    same = next((one for one in every if one.version == listed.version), None)
    if same is not None:
        return same
    fields = {"Package": listed.name, "Version": listed.version}
    like = every[0].fields if every else {}
    fields |= {name: like[name] for name in ("Multi-Arch", "Provides") if name in like}
    return Package(listed.name, listed.version, key[1], listed.name, _NO_FILE, fields)

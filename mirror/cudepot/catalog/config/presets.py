"""Upstreams and keys that come with cudepot: ``channel-config/upstreams/*.toml``, and ``preset`` in cudepot.toml.

A preset only gives defaults: every value it fills in can be given in cudepot.toml instead. It pins the keys that
may sign now; keys that have signed once are known by their dates, and pinned by nobody.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from cudepot.catalog.config.config import names_presets
from cudepot.catalog.config.distributions import Distribution, find, parse_distribution, serving
from cudepot.catalog.ecosystems import Ecosystem, repositories
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError
from cudepot.fingerprints import fingerprint

VERSION = 1
_LABEL = re.compile(r"[a-z0-9][a-z0-9._+-]*")
_RPM = {"sbsa": "aarch64", "arm64-sbsa": "aarch64"}
_DEBIAN = {"x86_64": "amd64", "sbsa": "arm64", "arm64-sbsa": "arm64", "arm64": "arm64", "ppc64el": "ppc64el"}


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key cudepot has heard of, by full fingerprint.

    Attributes:
        since, until: when it signed, as ISO dates; empty where that is not known or not over.
        source: where the key's file has been seen; empty where it is not known.
    """

    fingerprint: str
    uid: str = ""
    since: str = ""
    until: str = ""
    note: str = ""
    source: str = ""

    @property
    def local(self) -> str:
        """Where its file is expected unless ``keyrings`` says otherwise."""
        name = self.source.rpartition("/")[2]
        return f"keys/{name if name.endswith('.pub') else self.fingerprint[-8:].lower() + '.pub'}"


@dataclass(frozen=True, slots=True)
class Preset:
    """One repository: ``keys`` may sign it now, ``rpm_keys`` its packages too, ``former`` have signed it.

    Attributes:
        called: name of the upstream unless cudepot.toml gives one; empty for the preset's without its vendor.
        url: where it is; empty for what the machine it is used on is configured for: its index, its apt's archive.
        is_signed: whether keys vouch for it; an index of wheels has none: its files are known by their hashes.
        distributions: names of those whose machines it is for; empty for all.
        suites, components: of an apt repository with ``dists/``; empty for a flat one.
        trust: of a yum repository whose index nobody signs, ``hash-lock``; empty where its keys vouch.
        has_labels: whether parts of it are below ``label/``, each a channel, so that an upstream may name one.
    """

    name: str
    url: str
    architectures: tuple[str, ...]
    keys: tuple[str, ...]
    former: tuple[str, ...] = ()
    note: str = ""
    type: str = Ecosystem.APT
    rpm_keys: tuple[str, ...] = ()
    called: str = ""
    is_signed: bool = True
    distributions: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    trust: str = ""
    has_labels: bool = False

    @property
    def vendor(self) -> str:
        """Whose it is: what its name begins with."""
        return self.name.partition("/")[0]

    @property
    def vouchers(self) -> tuple[str, ...]:
        """Keys that vouch for it: of its index, else of its packages."""
        return self.keys or self.rpm_keys

    @property
    def upstream(self) -> str:
        """Name of the upstream unless cudepot.toml gives one."""
        return self.called or self.name.partition("/")[2]


Machine: TypeAlias = Callable[[Preset, Sequence[Preset]], str]
"""Gives the URL that a machine is configured for; the second argument are the presets of the same vendor."""


@dataclass(frozen=True, slots=True)
class Presets:
    """All presets by name, all known keys by fingerprint, the vendors' hosts, and all distributions by name."""

    repositories: Mapping[str, Preset]
    keys: Mapping[str, KnownKey]
    hosts: tuple[str, ...] = ()
    distributions: Mapping[str, Distribution] = field(default_factory=dict)

    def distribution(self, name: str) -> Distribution:
        """Return a distribution; raise ConfigError that names similar ones."""
        return find(name, self.distributions)

    def get(self, name: str) -> Preset:
        """Return a preset; raise ConfigError that names similar ones."""
        if name in self.repositories:
            return self.repositories[name]
        import difflib  # noqa: PLC0415 - for whom it is

        near = difflib.get_close_matches(name, self.repositories, 3, 0.5)
        raise ConfigError(
            f"there is no preset {name!r}",
            hint=f"{'near: ' + ', '.join(near) + '; ' if near else ''}`cudepot upstreams` lists them; "
            "for another repository give type, url, keys and keyrings",
        )

    def key(self, text: str) -> KnownKey:
        """Return what is known of a key; nothing but its fingerprint for a stranger."""
        return self.keys.get(text, KnownKey(text))

    def where_from(self, path: str, fingerprints: Iterable[str]) -> str:
        """Return the hint for a key file that is missing: where to get it and what to compare."""
        known = [self.key(one) for one in fingerprints]
        mine = [one for one in known if one.local.rpartition("/")[2].lower() == path.rpartition("/")[2].lower()]
        asked = mine or known
        places = [one.source for one in asked if one.source]
        get = f"get {places[0]} yourself" if places else "get the key file from the upstream yourself"
        wanted = " or ".join(one.fingerprint for one in asked)
        how = "through another channel (`cudepot explain trust`)"
        return f"{get}, compare its fingerprint with {wanted} {how}; cudepot fetches no key"


def parse_presets(documents: Iterable[Mapping[str, object]]) -> Presets:
    """Return the presets of parsed TOML documents; raise ConfigError that names the place of the first fault."""
    repositories: dict[str, Preset] = {}
    keys: dict[str, KnownKey] = {}
    distributions: dict[str, Distribution] = {}
    hosts: list[str] = []
    for document in documents:
        root = Table(document)
        if root.integer("version") != VERSION:
            raise ConfigError(f"presets have version {root.integer('version')}; this cudepot reads {VERSION}")
        vendor = root.text("vendor")
        hosts += root.texts("hosts", ())
        distributions |= {one.name: one for one in map(parse_distribution, root.tables("distribution"))}
        found = [one for table in root.tables("repository") for one in _repositories(table, vendor)]
        found += [_index(table, vendor) for table in root.tables("index")]
        repositories |= {one.name: one for one in found}
        keys |= {one.fingerprint: one for one in map(_key, root.tables("key"))}
        root.done()
    rows = distributions.values()
    for name, one in repositories.items():
        named = serving(one.distributions, rows, nvidia=not one.called)
        repositories[name] = replace(one, distributions=named)
    return Presets(repositories, keys, tuple(hosts), distributions)


def _repositories(table: Table, vendor: str) -> list[Preset]:
    """Return what a table stands for: rows by ``folders``, or one called ``name``, or that for each architecture."""
    keys, former, rpm_keys = (tuple(map(fingerprint, table.texts(name, ()))) for name in ("keys", "former", "rpm-keys"))
    common = Preset(
        "",
        table.text("url", ""),
        (),
        keys,
        former,
        table.text("note", ""),
        table.choice("type", tuple(one.name for one in repositories()), Ecosystem.APT),
        rpm_keys,
        distributions=table.texts("distributions", ()),
    )
    found = _named(table, vendor, common) if table.has("name") else _folders(table, vendor, common)
    table.done()
    return found


def _folders(table: Table, vendor: str, common: Preset) -> list[Preset]:
    prefix, folders = table.text("prefix", ""), table.table("folders")
    yum = common.type == Ecosystem.YUM
    words = _RPM if yum else _DEBIAN
    return [
        replace(
            common,
            name="/".join(filter(None, (vendor, prefix, distribution, folder))),
            url=common.url.format(distribution=distribution, folder=folder),
            architectures=(words.get(folder, folder if yum or folder in words.values() else "amd64"),),
            distributions=common.distributions or (distribution.replace(".", ""),),
        )
        for distribution in folders.names()
        for folder in folders.texts(distribution)
    ]


def _named(table: Table, vendor: str, common: Preset) -> list[Preset]:
    name = f"{vendor}/{table.text('name')}"
    machines = table.texts("architectures")
    own = replace(
        common,
        suites=table.texts("suites", ()),
        components=table.texts("components", ()),
        trust=table.text("trust", ""),
    )
    rows = [(one,) for one in machines] if "{architecture}" in name else [machines]
    texts = [(name.format(architecture=row[0]), own.url.format(architecture=row[0]), row) for row in rows]
    return [replace(own, name=text, called=text, url=url, architectures=row) for text, url, row in texts]


def _index(table: Table, vendor: str) -> Preset:
    found = Preset(
        "/".join(filter(None, (vendor, table.text("name")))),
        table.text("url"),
        architectures=(),
        keys=(),
        note=table.text("note", ""),
        type=table.text("type"),
        called=table.text("upstream", ""),
        is_signed=False,
        has_labels=table.flag("labels"),
    )
    table.done()
    return found


def _key(table: Table) -> KnownKey:
    texts = [table.text(name, "") for name in ("uid", "note", "source")]
    key = KnownKey(
        fingerprint(table.text("fingerprint")), texts[0], _date(table, "from"), _date(table, "until"), *texts[1:]
    )
    table.done()
    return key


def _date(table: Table, name: str) -> str:
    if not table.has(name):
        return ""
    value = table.value(name)
    if not isinstance(value, datetime.date):
        raise ConfigError(f"expected a date in {table.path(name)!r}, found {value!r}")
    return value.isoformat()


def expand(data: Mapping[str, Any], load: Callable[[], Presets], machine: Machine) -> Mapping[str, Any]:
    """Return cudepot.toml with ``preset`` replaced by what it stands for.

    Args:
        data: cudepot.toml.
        load: gives the presets; called where one is named.
        machine: gives the URL that the machine has for a preset; called where a preset leaves it to the machine.
    """
    if not names_presets(data):
        return data
    presets = load()
    return {**data, "upstream": [_filled(one, presets, machine) for one in data["upstream"]]}


def _filled(table: Any, presets: Presets, machine: Machine) -> Any:
    if not isinstance(table, Mapping) or "preset" not in table:
        return table
    preset = presets.get(str(table["preset"]))
    given = {key: value for key, value in table.items() if key != "preset"}
    if isinstance(given.get("name"), str):
        preset = replace(preset, called=given["name"])
    if "label" in given:
        preset = _labelled(preset, given.pop("label"))
    if not preset.is_signed:
        url = given.get("url") or preset.url or machine(preset, ())
        return {"name": preset.upstream, "type": preset.type} | given | {"url": url}
    if not preset.vouchers and "keys" not in given:
        raise ConfigError(
            f"preset {preset.name!r} has no pinned key",
            hint="give `keys` and `keyrings` yourself; "
            + (f"it was signed by {', '.join(preset.former)}" if preset.former else preset.note),
        )
    filled = {
        "name": preset.upstream,
        "type": preset.type,
        "url": given.get("url") or _place(preset, presets, machine, given),
        "architectures": list(preset.architectures),
        **_said(preset),
        **_following(preset, given),
    } | given
    return filled if "keyrings" in filled else filled | {"keyrings": _files(filled, presets)}


def _place(preset: Preset, presets: Presets, machine: Machine, given: Mapping[str, Any]) -> str:
    """Return where a preset's repository is; raise ConfigError where that is of another moment than is asked for."""
    if "snapshot" in given:
        raise ConfigError(
            f"preset {preset.name!r} has no snapshots",
            hint="give the `url` of who has them: a snapshot service's of that moment, or a copy of yours",
        )
    kin = [one for one in presets.repositories.values() if one.vendor == preset.vendor]
    return preset.url or machine(preset, kin)


def _said(preset: Preset) -> Mapping[str, Any]:
    """Return what a preset says beside what all of them say; keys are left out where only packages are signed."""
    lists = {
        "keys": preset.keys,
        "rpm-keys": preset.rpm_keys,
        "suites": preset.suites,
        "components": preset.components,
        "distributions": preset.distributions,
    }
    said: dict[str, Any] = {name: list(value) for name, value in lists.items() if value}
    return said | ({"trust": preset.trust} if preset.trust else {})


def _following(preset: Preset, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the keys of packages where others are given for the root: these take the preset's place there too."""
    keys = given.get("keys")
    if not isinstance(keys, list) or not preset.rpm_keys or not preset.keys:
        return {}
    return {"rpm-keys": [*keys, *(one for one in preset.rpm_keys if one not in preset.keys and one not in keys)]}


def _labelled(preset: Preset, label: Any) -> Preset:
    """Return what a preset stands for with a label: a channel below its own, called as that is."""
    if not preset.has_labels:
        raise ConfigError(f"preset {preset.name!r} has no labels", hint="labels are parts of channels on anaconda.org")
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise ConfigError(f"expected one word in 'label', found {label!r}", hint='for example "cuda-12.6.3"')
    return replace(preset, called=f"{preset.upstream}/label/{label}", url=f"{preset.url}label/{label}/")


def _files(table: Mapping[str, Any], presets: Presets) -> list[str]:
    """Return where the files of the pinned keys are expected."""
    expired = table.get("expired-keys", [])
    every = [*_listed(table, "keys"), *_listed(table, "rpm-keys")]
    keys = [one for one in dict.fromkeys(every) if one not in expired]
    return [presets.key(str(one).replace(" ", "").upper()).local for one in keys]


def _listed(table: Mapping[str, Any], name: str) -> list[Any]:
    value = table.get(name)
    return value if isinstance(value, list) else []

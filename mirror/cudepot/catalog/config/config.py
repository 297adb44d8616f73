"""``cudepot.toml`` as values: what a site wants, from where, and how it is published."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cudepot.catalog.config.fetch import NO_LIMITS, Fetch, parse_fetch
from cudepot.catalog.config.keep import NOTHING_BY_AGE, Keep, parse_keep
from cudepot.catalog.config.machine_words import own_word
from cudepot.catalog.config.site import Build, ParsePlace, Site, parse_build, parse_site
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import Output
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.catalog.config.environments import Environment, ParseWants
    from cudepot.catalog.config.hooks import Hook

ParseStore = Callable[[Table], tuple[str, object]]
"""Reads ``store``: a folder's name, or a table; returns the folder, and where the store is unless there."""
VERSION = 1
SUBDIRS = ("linux-64", "linux-aarch64", "linux-ppc64le", "win-64")
PLATFORMS = (*SUBDIRS, "osx-64", "osx-arm64")
"""Those of environments."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pin:
    """What is wanted from one upstream.

    Attributes:
        packages: ``name`` or ``name=version`` (globs) for apt, NEVRA globs for yum, PEP 508 requirements for a
            wheel index, file name globs for a folder.
        recipe: name of the recipe that repackages the artifacts; empty for none.
        cuda: CUDA variant wanted (apt, yum), or that of the release where the artifact's name says less (a ``cu11``
            wheel may be ``11.1``).
        architectures: Debian or rpm architectures it is wanted for; empty for all of the upstream's.
        outputs: what is published: the artifact itself (``mirror``), conda packages, wheels; ``cuda-wheel``: a wheel
            whose version names the CUDA variant; ``static``: a conda package of the static archives too.
        subdirs: conda platforms wheels are wanted for.
        sha256: file name → hash that the artifact of that name must have.
        keep: how many of the newest versions of each package, on a conda channel; 0 for all there are.
    """

    upstream: str
    packages: tuple[str, ...]
    recipe: str = ""
    cuda: str = ""
    architectures: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = (Output.MIRROR,)
    subdirs: tuple[str, ...] = ("linux-64",)
    sha256: tuple[tuple[str, str], ...] = ()
    keep: int = 1


@dataclass(frozen=True, slots=True)
class Config:
    """The whole of cudepot.toml.

    Attributes:
        store: folder of the store, relative to cudepot.toml.
        kept_in: where the store really is, of which that folder is the working copy; None for the folder itself.
        accept_eula: sha256 of accepted licence texts.
        machine_places: preset → the URL that this machine is configured for, of those that leave it to the machine.
        unplaced: upstream → why this machine cannot say where it is; its URL stands for nothing, and is never asked.
        fetch: how much of the line and of the servers a run may take.
        keep: which snapshots `gc` keeps by their age, beside the newest ones.
        hooks: who is called when something happens.
    """

    store: str
    site: Site
    build: Build
    accept_eula: tuple[str, ...]
    upstreams: tuple[Upstream, ...]
    pins: tuple[Pin, ...]
    environments: tuple[Environment, ...] = ()
    machine_places: Mapping[str, str] = field(default_factory=dict)
    unplaced: Mapping[str, ConfigError] = field(default_factory=dict)
    fetch: Fetch = NO_LIMITS
    keep: Keep = NOTHING_BY_AGE
    kept_in: object = None
    hooks: tuple[Hook, ...] = ()

    def upstream(self, name: str) -> Upstream:
        """Return the upstream of that name; raise ConfigError when there is none."""
        for one in self.upstreams:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.upstreams) or "none"
        raise ConfigError(f"there is no upstream {name!r}", hint=f"upstreams in cudepot.toml: {known}")

    def pins_of(self, upstream: Upstream) -> tuple[Pin, ...]:
        """Return the pins that want something from an upstream."""
        return tuple(pin for pin in self.pins if pin.upstream == upstream.name)


def folder_store(root: Table) -> tuple[str, object]:
    """Return the folder that ``store`` names."""
    return root.text("store", "store"), None


def names_presets(data: Mapping[str, object]) -> bool:
    """Return whether an upstream is given by a preset, so that presets have to be loaded."""
    tables = data.get("upstream")
    return isinstance(tables, list) and any(isinstance(one, Mapping) and "preset" in one for one in tables)


def parse_config(
    data: Mapping[str, object] | Table,
    parse_upstream: Callable[[Table], Upstream],
    parse_place: ParsePlace,
    parse_wants: ParseWants,
    parse_store: ParseStore = folder_store,
) -> Config:
    """Return the configuration; raise ConfigError that names the place of the first fault.

    ``parse_upstream`` reads an ``[[upstream]]``, ``parse_place`` where the site is, ``parse_wants`` what an
    ``[[environment]]`` wants, and ``parse_store`` where the store is: each kind its own.
    """
    root = data if isinstance(data, Table) else Table(data)
    version = root.integer("version", 1)
    if version != VERSION:
        raise ConfigError(f"cudepot.toml has version {version}; this cudepot reads {VERSION}")
    store, kept_in = parse_store(root)
    config = Config(
        store=store,
        kept_in=kept_in,
        site=parse_site(root.table("site"), parse_place),
        build=parse_build(root.table("build")),
        fetch=parse_fetch(root.table("fetch")),
        accept_eula=_hashes(root, "accept-eula"),
        upstreams=tuple(parse_upstream(one) for one in root.tables("upstream")),
        pins=tuple(parse_pin(one) for one in root.tables("pin")),
        environments=_environments(root, parse_wants),
        keep=parse_keep(root.table("keep")),
        hooks=_hooks(root),
    )
    root.done()
    _check_references(config)
    return config


def _environments(root: Table, parse_wants: ParseWants) -> tuple[Environment, ...]:
    tables = root.tables("environment")
    if not tables:
        return ()
    from cudepot.catalog.config.environments import parse_environments  # noqa: PLC0415 - every run comes by here

    return parse_environments(tables, PLATFORMS, parse_wants)


def _hooks(root: Table) -> tuple[Hook, ...]:
    tables = root.tables("hook")
    if not tables:
        return ()
    from cudepot.catalog.config.hooks import parse_hooks  # noqa: PLC0415 - every run comes by here

    return parse_hooks(tables)


def _hashes(table: Table, key: str) -> tuple[str, ...]:
    found = table.texts(key, ())
    for one in found:
        if not _SHA256.fullmatch(one):
            raise ConfigError(
                f"expected the sha256 of a licence text in {table.path(key)!r}, found {one!r}",
                hint="remove it; then `cudepot licence list` gives the hashes, `cudepot licence accept` writes them",
            )
    return found


def parse_pin(table: Table) -> Pin:
    """Return one ``[[pin]]``; raise ConfigError that names the place of the first fault."""
    recipe = table.text("recipe", "")
    outputs = table.texts("outputs", (Output.CONDA, Output.WHEEL) if recipe else (Output.MIRROR,))
    for one in outputs:
        if one not in tuple(Output) or (one != Output.MIRROR and not recipe):
            raise ConfigError(
                f"output {one!r} in {table.path('outputs')!r} is not possible here",
                hint=f"outputs are {', '.join(Output)}; the others need a recipe",
            )
    pin = Pin(
        upstream=table.text("upstream"),
        packages=table.texts("packages"),
        recipe=recipe,
        cuda=table.version("cuda", ""),
        architectures=table.texts("architectures", ()),
        outputs=tuple(map(Output, outputs)),
        subdirs=table.texts("subdirs", ("linux-64",)),
        sha256=_pinned(table),
        keep=table.count("keep"),
    )
    table.done()
    return pin


def _pinned(table: Table) -> tuple[tuple[str, str], ...]:
    found = {name: text.lower() for name, text in table.mapping("sha256").items()}
    for name, text in found.items():
        if not _SHA256.fullmatch(text):
            raise ConfigError(
                f"expected 64 hex digits for {name!r} in {table.path('sha256')!r}, found {text!r}",
                hint="write it as sha256sum prints it",
            )
    return tuple(sorted(found.items()))


def _check_references(config: Config) -> None:
    names = [one.name for one in config.upstreams]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two upstreams are named {name!r}")
        if any(other.startswith(name + "/") for other in names):
            raise ConfigError(f"upstream {name!r} is a prefix of another upstream's name")
    for number, pin in enumerate(config.pins):
        one = _upstream_of(config, pin, f"pin[{number}].upstream")
        _check_architectures(pin, one)
        if pin.keep != 1 and not one.keeps:
            raise ConfigError(
                f"a pin on upstream {pin.upstream!r} has `keep`, which only conda pins can have",
                hint="for other types list the versions in `packages`, or use a glob",
            )
        if one.whole and Output.MIRROR in pin.outputs:
            raise ConfigError(
                f"upstream {pin.upstream!r} is mirrored whole: a pin there can only repackage",
                hint='remove the pin, or give it a recipe and `outputs = ["conda", "wheel"]`',
            )
        for subdir in pin.subdirs:
            if subdir not in (known := PLATFORMS if one.keeps else SUBDIRS):
                raise ConfigError(f"unknown platform {subdir!r}", hint=f"known: {', '.join(known)}")


def _upstream_of(config: Config, pin: Pin, where: str) -> Upstream:
    try:
        return config.upstream(pin.upstream)
    except ConfigError as error:
        raise ConfigError(f"{error}, as {where!r} says", hint=error.hint) from error


def _check_architectures(pin: Pin, upstream: Upstream) -> None:
    strange = set(pin.architectures) - set(upstream.architectures)
    if meant := next((one for one in (own_word(each, upstream.architectures) for each in sorted(strange)) if one), ""):
        raise ConfigError(
            f"a pin wants {', '.join(sorted(strange))} from upstream {upstream.name!r}, which does not have it",
            hint=f'there that machine is called {meant}: say `architectures = ["{meant}"]` in the pin',
        )
    if strange and upstream.architectures:
        raise ConfigError(
            f"a pin wants {', '.join(sorted(strange))} from upstream {upstream.name!r}, which does not have it",
            hint=f"add it to `architectures` of the upstream: {', '.join(upstream.architectures)}",
        )
    if strange:
        raise ConfigError(
            f"a pin on upstream {upstream.name!r} has `architectures`, which only apt and yum pins can have"
        )

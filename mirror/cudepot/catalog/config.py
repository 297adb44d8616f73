"""``cudepot.toml`` as values: what a site wants, from where, and how it is published."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError
from cudepot.fingerprints import fingerprint
from cudepot.paths import plain_path

VERSION = 1
ROOT_NAMES = ("InRelease", "Release", "Release.gpg")
UPSTREAM_TYPES = ("apt", "simple", "folder", "local-repo")
OUTPUTS = ("mirror", "conda", "wheel")
SUBDIRS = ("linux-64", "linux-aarch64", "linux-ppc64le")
_NAME = re.compile(r"[a-z0-9][a-z0-9._+-]*(/[a-z0-9][a-z0-9._+-]*)*")
_LABEL = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")
_DAYS = re.compile(r"[0-9]{1,5}d")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DURATION = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_SECONDS = {"h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class Upstream:
    """One place artifacts come from.

    Attributes:
        name: also the folder below ``apt/`` on the site; may hold slashes.
        type: ``apt``, ``simple`` (PEP 503/691 index), ``folder`` or ``local-repo`` (an installer).
        url: base URL, ending in a slash, for ``apt`` and ``simple``.
        path: folder (``folder``) or installer (``local-repo``), relative to cudepot.toml.
        sha256: of the installer: what it holds, its key included, is trusted because of it.
        keys: full fingerprints that may sign the root (``apt``).
        keyrings: files with the public keys, relative to cudepot.toml.
        suites: ``("/",)`` for a flat repository, else folders below ``dists/``.
        components: of a ``dists/`` repository.
        architectures: Debian architectures wanted (``all`` is always taken).
        whole: mirror all of it, as the upstream signed it.
        extras: files beside a whole repository that nothing signs (``.pin``, keys, keyring packages).
        boundary: globs over names of dependencies that are left to the distribution.
        valid_for: seconds a published Release stays valid (``Valid-Until``); 0 for ever.
        max_age: days after which a root is reported as old; 0 for never.
    """

    name: str
    type: str
    url: str = ""
    path: str = ""
    sha256: str = ""
    keys: tuple[str, ...] = ()
    keyrings: tuple[str, ...] = ()
    suites: tuple[str, ...] = ("/",)
    components: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ("amd64",)
    whole: bool = False
    extras: tuple[str, ...] = ()
    boundary: tuple[str, ...] = ()
    valid_for: int = 0
    max_age: int = 0


@dataclass(frozen=True, slots=True)
class Pin:
    """What is wanted from one upstream.

    Attributes:
        packages: ``name`` or ``name=version`` (globs) for apt, PEP 508 requirements for a wheel index, file
            name globs for a folder.
        recipe: name of the recipe that repackages the artifacts; empty for none.
        cuda: CUDA variant wanted (apt), or that of the release where the artifact's name says less (a ``cu11``
            wheel may be ``11.1``).
        architectures: Debian architectures it is wanted for (apt); empty for all of the upstream's.
        outputs: what is published: the artifact itself (``mirror``), conda packages, wheels.
        subdirs: conda platforms wheels are wanted for.
        sha256: file name → expected hash, for folders.
    """

    upstream: str
    packages: tuple[str, ...]
    recipe: str = ""
    cuda: str = ""
    architectures: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ("mirror",)
    subdirs: tuple[str, ...] = ("linux-64",)
    sha256: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """Where and as whom cudepot publishes.

    Attributes:
        path: folder of the site, relative to cudepot.toml.
        label: who we are: part of wheel versions (``8.0.5.39+LABEL.1``) and of the key's name.
        key: full fingerprint of the signing key.
        former_keys: fingerprints of keys that signed earlier snapshots; they verify, but sign no more.
        gnupg: GnuPG home with the secret key, relative to cudepot.toml.
        channel: name of the conda channel below ``conda/``.
        keep: snapshots kept in the folder, the current one included.
    """

    path: str
    label: str
    key: str
    former_keys: tuple[str, ...]
    gnupg: str
    channel: str
    keep: int


@dataclass(frozen=True, slots=True)
class Build:
    """How packages are built.

    Attributes:
        number: conda build number, and the last part of a wheel's local version.
        zstd_level: compression level of conda packages, 1 to 22.
        deflate_level: compression level of wheels, 0 to 9.
    """

    number: int
    zstd_level: int
    deflate_level: int


@dataclass(frozen=True, slots=True)
class Config:
    """The whole of cudepot.toml. ``accept_eula`` holds the sha256 of accepted licence texts."""

    store: str
    site: Site
    build: Build
    accept_eula: tuple[str, ...]
    upstreams: tuple[Upstream, ...]
    pins: tuple[Pin, ...]

    def upstream(self, name: str) -> Upstream:
        """Return the upstream of that name; raise ConfigError when there is none."""
        for one in self.upstreams:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.upstreams) or "none"
        raise ConfigError(f"no upstream is called {name!r}", hint=f"upstreams in cudepot.toml: {known}")


def parse_config(data: Mapping[str, object]) -> Config:
    """Return the configuration; raise ConfigError that names the place of the first fault."""
    root = Table(data)
    version = root.integer("version", 1)
    if version != VERSION:
        raise ConfigError(f"cudepot.toml has version {version}; this cudepot reads {VERSION}")
    config = Config(
        store=root.text("store", "store"),
        site=_site(root.table("site")),
        build=_build(root.table("build")),
        accept_eula=_hashes(root, "accept-eula"),
        upstreams=tuple(_upstream(one) for one in root.tables("upstream")),
        pins=tuple(_pin(one) for one in root.tables("pin")),
    )
    root.done()
    _check_references(config)
    return config


def _hashes(table: Table, key: str) -> tuple[str, ...]:
    found = table.texts(key, ())
    for one in found:
        if not _SHA256.fullmatch(one):
            raise ConfigError(
                f"expected the sha256 of a licence text in {table.path(key)!r}, found {one!r}",
                hint="`cudepot repackage` says the hash of the text that is to be accepted",
            )
    return found


def _site(table: Table) -> Site:
    site = Site(
        path=table.text("path", "site"),
        label=table.text("label", "site"),
        key=fingerprint(table.text("key")) if table.text("key", "") else "",
        former_keys=tuple(fingerprint(one) for one in table.texts("former-keys", ())),
        gnupg=table.text("gnupg", "gnupg"),
        channel=table.text("channel", "main"),
        keep=table.integer("keep", 3, low=1),
    )
    table.done()
    if not _LABEL.fullmatch(site.label):
        raise ConfigError(
            f"'site.label' must be lower-case letters, digits and dots, found {site.label!r}",
            hint="it becomes a local version label (PEP 440)",
        )
    if not _NAME.fullmatch(site.channel) or "/" in site.channel:
        raise ConfigError(f"'site.channel' is not a plain name: {site.channel!r}")
    return site


def _build(table: Table) -> Build:
    build = Build(
        number=table.integer("number", 1),
        zstd_level=table.integer("zstd-level", 9, low=1, high=22),
        deflate_level=table.integer("deflate-level", 6, high=9),
    )
    table.done()
    return build


def _upstream(table: Table) -> Upstream:
    kind = table.choice("type", UPSTREAM_TYPES)
    name = table.text("name")
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{table.path('name')!r} must be lower-case words joined by '/', found {name!r}")
    if kind == "folder":
        found = Upstream(name, kind, path=table.text("path"), valid_for=_duration(table, "valid-for"))
    elif kind == "local-repo":
        found = _with_subset_fields(Upstream(name, kind, path=table.text("path"), sha256=_sha256(table)), table)
    else:
        found = Upstream(name, kind, url=_url(table, kind))
        found = _with_apt_fields(found, table) if kind == "apt" else found
    table.done()
    return found


def _url(table: Table, kind: str) -> str:
    url = table.text("url")
    schemes = ("https://", "http://", "file:///") if kind == "apt" else ("https://", "http://")
    if not url.startswith(schemes):
        raise ConfigError(f"expected a URL ({', '.join(schemes)}) in {table.path('url')!r}, found {url!r}")
    if "@" in urlsplit(url).netloc:
        raise ConfigError(
            f"{table.path('url')!r} holds a user name or password, which would be published",
            hint="put it into ~/.netrc",
        )
    return url if url.endswith("/") else url + "/"


def _sha256(table: Table) -> str:
    found = table.text("sha256")
    if not _SHA256.fullmatch(found):
        raise ConfigError(
            f"expected the sha256 of the installer in {table.path('sha256')!r}, found {found!r}",
            hint="all that is in it, its key included, is trusted because of this hash: take it from NVIDIA's page",
        )
    return found


def _duration(table: Table, key: str) -> int:
    """Return seconds for ``30d``, ``12h`` or ``2w``; 0 when nothing is given."""
    text = table.text(key, "")
    found = _DURATION.fullmatch(text)
    if text and not found:
        raise ConfigError(f"expected a time as '30d', '12h' or '2w' in {table.path(key)!r}, found {text!r}")
    return int(found[1]) * _SECONDS[found[2]] if found else 0


def _with_subset_fields(upstream: Upstream, table: Table) -> Upstream:
    """Add what selects from, and publishes, any apt repository."""
    return replace(
        upstream,
        architectures=table.texts("architectures", ("amd64",)),
        boundary=table.texts("boundary", ()),
        valid_for=_duration(table, "valid-for"),
    )


def _with_apt_fields(upstream: Upstream, table: Table) -> Upstream:
    expired = {fingerprint(one) for one in table.texts("expired-keys", ())}
    full = replace(
        _with_subset_fields(upstream, table),
        keys=tuple(one for one in map(fingerprint, table.texts("keys")) if one not in expired),
        keyrings=table.texts("keyrings"),
        suites=table.texts("suites", ("/",)),
        components=table.texts("components", ()),
        max_age=_days(table, "max-age"),
        whole=table.flag("whole"),
        extras=table.texts("extras", ()),
    )
    if not full.keys:
        raise ConfigError(
            f"{table.path('keys')!r} holds no key that may sign", hint="give a full fingerprint that is not expired"
        )
    flat = [suite for suite in full.suites if suite.endswith("/")]
    if bool(flat) == bool(full.components) or (flat and len(full.suites) > 1) or not full.suites:
        raise ConfigError(
            f"{table.where}: a flat repository has one suite '/' and no components; one with dists/ has both",
        )
    _check_whole(full, table)
    return full


def _days(table: Table, key: str) -> int:
    text = table.text(key, "0d")
    if not _DAYS.fullmatch(text):
        raise ConfigError(f"expected a number of days in {table.path(key)!r}, found {text!r}", hint='for example "45d"')
    return int(text[:-1])


def _check_whole(upstream: Upstream, table: Table) -> None:
    if upstream.whole and upstream.suites != ("/",):
        raise ConfigError(
            f"{table.path('whole')!r} works for a flat repository (suite '/') only", hint="pin packages instead"
        )
    if upstream.extras and not upstream.whole:
        raise ConfigError(f"{table.path('extras')!r} without `whole = true`", hint="a subset has no such files")
    for one in upstream.extras:
        if plain_path(one) != one or one in ROOT_NAMES or upstream.extras.count(one) > 1:
            raise ConfigError(
                f"{one!r} in {table.path('extras')!r} is no plain path, is there twice, or is part of the repository",
                hint="name files as they lie below the URL, for example cuda-ubuntu2004.pin",
            )


def _pin(table: Table) -> Pin:
    recipe = table.text("recipe", "")
    outputs = table.texts("outputs", ("conda", "wheel") if recipe else ("mirror",))
    for one in outputs:
        if one not in OUTPUTS or (one != "mirror" and not recipe):
            raise ConfigError(
                f"output {one!r} in {table.path('outputs')!r} cannot be made",
                hint=f"outputs are {', '.join(OUTPUTS)}; conda and wheel need a recipe",
            )
    pin = Pin(
        upstream=table.text("upstream"),
        packages=table.texts("packages"),
        recipe=recipe,
        cuda=table.text("cuda", ""),
        architectures=table.texts("architectures", ()),
        outputs=outputs,
        subdirs=table.texts("subdirs", ("linux-64",)),
        sha256=tuple(sorted(table.mapping("sha256").items())),
    )
    table.done()
    return pin


def _check_references(config: Config) -> None:
    names = [one.name for one in config.upstreams]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two upstreams are called {name!r}")
        if any(other.startswith(name + "/") for other in names):
            raise ConfigError(f"upstream {name!r} is a folder of another upstream's name")
    for pin in config.pins:
        one = config.upstream(pin.upstream)
        _check_architectures(pin, one)
        if one.whole and "mirror" in pin.outputs:
            raise ConfigError(
                f"upstream {pin.upstream!r} is mirrored whole: a pin there can only repackage",
                hint='remove the pin, or give it a recipe and `outputs = ["conda", "wheel"]`',
            )
        for subdir in pin.subdirs:
            if subdir not in SUBDIRS:
                raise ConfigError(f"unknown platform {subdir!r}", hint=f"known: {', '.join(SUBDIRS)}")


def _check_architectures(pin: Pin, upstream: Upstream) -> None:
    strange = set(pin.architectures) - set(upstream.architectures)
    if strange and upstream.type in ("apt", "local-repo"):
        raise ConfigError(
            f"a pin wants {', '.join(sorted(strange))} of upstream {upstream.name!r}, which has not got it",
            hint=f"add it to `architectures` of the upstream: {', '.join(upstream.architectures)}",
        )
    if pin.architectures and upstream.type not in ("apt", "local-repo"):
        raise ConfigError(f"a pin on upstream {upstream.name!r} has `architectures`, which only apt pins have")

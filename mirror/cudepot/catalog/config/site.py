"""``[site]`` and ``[build]`` of cudepot.toml as values: where and as whom cudepot publishes, how packages are built."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError
from cudepot.fingerprints import fingerprint
from cudepot.urls import split_url
from cudepot_far.channels import NAME

if TYPE_CHECKING:
    from cudepot.formats.simple_write import ProjectStatus

_CHANNEL = re.compile(r"[a-z0-9][a-z0-9._+-]*")
EDGES_VALID_FOR = "3d"
"""Three nights: one may fail, and a weekend may pass, before edges warn."""
_STATUSES = ("active", "archived", "deprecated")
_LABEL = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")
# Measured on NVIDIA's libraries (docs/packages.md): a tenth of level 19's time or less, at most 1.1 of its size.
ZSTD_LEVEL, ZSTD_WINDOW = 7, 27


class SitePlace(Protocol):
    """Where the site is, as its kind reads it from ``[site]``; what verbs may ask of it before it is opened."""

    @property
    def public_url(self) -> str:
        """Where clients read it, ending in ``/``; empty where the kind's own settings do not say."""

    @property
    def has_links(self) -> bool:
        """Whether a file under a second name takes no room of its own."""

    @property
    def dotted_names(self) -> bool:
        """Whether ``FOLDER/./NAME`` is a file of its own, because nothing normalises what clients ask for."""

    def served_folder(self) -> str | None:
        """Return the folder the site is in, relative to cudepot.toml; None where it is not on this machine."""


ParsePlace = Callable[[Table], SitePlace]
"""Reads what a site kind has of its own in ``[site]``: handed in, because this room knows no kind."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where and as whom cudepot publishes.

    Attributes:
        place: where it is: what its kind reads of ``[site]``.
        label: who we are: part of wheel versions (``8.0.5.39+LABEL.1``) and of the key's name.
        key: full fingerprint of the signing key.
        former_keys: fingerprints of keys that signed earlier snapshots; they verify, but sign no more.
        gnupg: GnuPG home with the secret key, relative to cudepot.toml.
        channel: name of the conda channel below ``conda/``.
        keep: snapshots kept on the site, the current one included.
        public: whether anybody can read the site; then nothing is published, because NVIDIA's licence forbids it.
        project_status: project of the wheel index → what is said of it (PEP 792).
        origin: full fingerprint of the key of the site that is shown here as it is, out of bundles; then nothing is
            signed here. Empty for a site of our own.
        origin_keyring: file with that key, relative to cudepot.toml.
        upstream_keys: full fingerprints that may sign what upstreams sent to that site.
        unsigned: upstreams of that site which nobody signs (`trust = "hash-lock"` there).
        url: where clients reach it, ending in a slash; empty where that is not said.
        nvidia_paths: whether upstreams are shown below NVIDIA's paths as well: those at NVIDIA's own hosts (None), all
            whose URL has such a path, or none.
        channels: names of the site's channels, each of which shows a snapshot of its own: what is published comes to
            the first, and is promoted to the others. Empty for a site that shows one snapshot.
        edges: whether the site has what edges need that follow it: what proves its upstreams' packages.
        edges_valid_for: seconds after which edges warn that nothing newer was signed; 0 for never.
        follow: of an edge, where the site is that it follows, ending in a slash.
    """

    place: SitePlace
    label: str
    key: str
    former_keys: tuple[str, ...]
    gnupg: str
    channel: str
    keep: int
    project_status: Mapping[str, ProjectStatus] = field(default_factory=dict)
    public: bool = False
    origin: str = ""
    origin_keyring: str = ""
    upstream_keys: tuple[str, ...] = ()
    unsigned: tuple[str, ...] = ()
    url: str = ""
    nvidia_paths: bool | None = None
    channels: tuple[str, ...] = ()
    edges: bool = False
    edges_valid_for: int = 0
    follow: str = ""

    @property
    def reached_at(self) -> str:
        """Where clients reach the site, ending in a slash; empty where nothing says so.

        Of a site with channels it is the last one, which everything was promoted to that has come that far.
        """
        return self.reached_as(self.channels[-1] if self.channels else "")

    def reached_as(self, channel: str) -> str:
        """Return where clients reach a channel of the site; of one without channels ``channel`` is empty."""
        url = self.url or self.place.public_url
        return f"{url}{channel}/" if url and channel else url


@dataclass(frozen=True, slots=True)
class Build:
    """How packages are built.

    Attributes:
        number: conda build number, and the last part of a wheel's local version.
        zstd_level: compression level of conda packages, 1 to 22.
        zstd_window: log2 of the window they are compressed with, 10 to 27; 0 for the level's own.
        deflate_level: compression level of wheels, 0 to 9.
        provenance: where packages say what they were made of: ``beside`` them on the site, or ``inside`` as well.
        closed_channel: whether the channel has to do without conda-forge: packages need nothing from there.
    """

    number: int
    zstd_level: int
    zstd_window: int
    deflate_level: int
    provenance: str = "beside"
    closed_channel: bool = False


def parse_site(table: Table, parse_place: ParsePlace) -> Site:
    """Return ``[site]``, its kind's part by ``parse_place``; raise ConfigError that names the first fault."""
    site = Site(
        place=parse_place(table),
        label=table.text("label", "site"),
        key=fingerprint(table.text("key")) if table.text("key", "") else "",
        former_keys=tuple(fingerprint(one) for one in table.texts("former-keys", ())),
        gnupg=table.text("gnupg", "gnupg"),
        channel=table.text("channel", "main"),
        keep=table.integer("keep", 3, low=1),
        public=table.flag("public"),
        project_status=_statuses(table.mapping("project-status")),
        origin=fingerprint(table.text("from")) if table.text("from", "") else "",
        origin_keyring=table.text("from-keyring", "keys/site.asc"),
        upstream_keys=tuple(fingerprint(one) for one in table.texts("upstream-keys", ())),
        unsigned=table.texts("unsigned-upstreams", ()),
        url=folder_url(table, "url"),
        nvidia_paths=table.flag("nvidia-paths") if table.has("nvidia-paths") else None,
        channels=table.texts("channels", ()),
        edges=table.flag("edges"),
        edges_valid_for=table.duration("edges-valid-for", EDGES_VALID_FOR),
        follow=folder_url(table, "follow"),
    )
    table.done()
    parse_label(site.label)
    if site.origin and site.key:
        raise ConfigError(
            "'site.from' and 'site.key' exclude each other: a site imported from bundles is shown as it was signed",
            hint="remove one of the two",
        )
    if site.follow and not site.origin:
        raise ConfigError(
            "'site.follow' needs 'site.from': only a site that is shown as another signed it can follow that one",
            hint="create the edge's project with `cudepot init --from-site KEYFILE`",
        )
    if not _CHANNEL.fullmatch(site.channel):
        raise ConfigError(f"'site.channel' is not a plain name: {site.channel!r}")
    _check_channels(site.channels)
    return site


def _check_channels(names: tuple[str, ...]) -> None:
    if not names:
        return
    from cudepot.catalog.site_tops import check_free  # noqa: PLC0415 - few sites have channels

    for name in names:
        if not NAME.fullmatch(name):
            hint = "lower-case letters, digits, - and _"
            raise ConfigError(f"'site.channels' has {name!r}, which is no name of a channel", hint=hint)
        check_free(name, "a channel in 'site.channels'")
        if names.count(name) > 1:
            raise ConfigError(f"'site.channels' has {name!r} twice", hint="name each channel once")


def parse_label(text: str, where: str = "'site.label'") -> str:
    """Return a label; raise ConfigError, which tells ``where`` it was given, for one that wheels cannot bear."""
    if not _LABEL.fullmatch(text):
        raise ConfigError(
            f"{where} must be lower-case letters, digits and dots, found {text!r}",
            hint="it becomes a local version label (PEP 440)",
        )
    return text


def _statuses(given: Mapping[str, str]) -> dict[str, ProjectStatus]:
    """Return ``STATUS`` or ``STATUS: REASON`` by normalised project name."""
    if not given:
        return {}
    from cudepot.formats.simple import project_name  # noqa: PLC0415 - costs every run 14 ms otherwise
    from cudepot.formats.simple_write import ProjectStatus  # noqa: PLC0415

    found = {}
    for project, text in given.items():
        status, _, reason = text.partition(":")
        if status not in _STATUSES:
            raise ConfigError(
                f"'site.project-status.{project}' is {status!r}", hint=f"STATUS or STATUS: REASON, of {_STATUSES}"
            )
        found[project_name(project)] = ProjectStatus(status, reason.strip())
    return found


def folder_url(table: Table, key: str) -> str:
    """Return a URL with a slash at its end, or nothing."""
    text = plain_url(table, key)
    return f"{text.rstrip('/')}/" if text else ""


def plain_url(table: Table, key: str) -> str:
    """Return a URL that holds no password: cudepot.toml is no place for one."""
    text = table.text(key, "")
    if not text:
        return ""
    parts = split_url(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or "?" in text or "#" in text:
        raise ConfigError(f"{table.path(key)!r} is not an http or https URL", hint="as in https://HOST:PORT/FOLDER/")
    if parts.username or parts.password:
        hint = "put a login into ~/.netrc; for a bucket, boto3's own chain has it (AWS_PROFILE, ~/.aws, roles)"
        raise ConfigError(f"{table.path(key)!r} holds a user name or password", hint=hint)
    return text


def parse_build(table: Table) -> Build:
    """Return ``[build]``; raise ConfigError likewise."""
    build = Build(
        number=table.integer("number", 1),
        zstd_level=table.integer("zstd-level", ZSTD_LEVEL, low=1, high=22),
        zstd_window=table.integer("zstd-window", 0 if table.has("zstd-level") else ZSTD_WINDOW, high=ZSTD_WINDOW),
        deflate_level=table.integer("deflate-level", 6, high=9),
        provenance=table.choice("provenance", ("beside", "inside"), "beside"),
        closed_channel=table.flag("closed-channel"),
    )
    table.done()
    if 0 < build.zstd_window < 10:
        raise ConfigError(f"'build.zstd-window' is {build.zstd_window}", hint="10 to 27, or 0 for the level's own")
    return build

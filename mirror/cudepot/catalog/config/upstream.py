"""``[[upstream]]`` tables of cudepot.toml as values: where artifacts come from, and whose signatures count."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from cudepot.catalog.config.fields import Table
from cudepot.errors import ConfigError
from cudepot.fingerprints import fingerprint
from cudepot.paths import plain_path
from cudepot.urls import split_url

ROOT_NAMES = ("InRelease", "Release", "Release.gpg")
UPSTREAM_TYPES = ("apt", "yum", "simple", "redistrib", "folder", "local-repo")
REPOSITORIES = ("apt", "yum", "local-repo")
"""Types whose packages have architectures, dependencies and a boundary."""
TRUST = ("signed", "hash-lock")
_NAME = re.compile(r"[a-z0-9][a-z0-9._+-]*(/[a-z0-9][a-z0-9._+-]*)*")
_DAYS = re.compile(r"[0-9]{1,5}d")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DURATION = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_SECONDS = {"h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class Upstream:
    """One place artifacts come from.

    Attributes:
        name: also the folder below ``apt/`` on the site; may hold slashes.
        type: ``apt``, ``yum``, ``simple`` (PEP 503/691 index), ``redistrib`` (a folder of NVIDIA's manifests),
            ``folder`` or ``local-repo`` (an installer).
        url: base URL, ending in a slash, for ``apt``, ``yum``, ``simple`` and ``redistrib``.
        path: folder (``folder``) or installer (``local-repo``), relative to cudepot.toml.
        sha256: of the installer: what it holds, its key included, is trusted because of it.
        keys: full fingerprints that may sign the root (``apt``, ``yum``).
        rpm_keys: full fingerprints that may sign rpms (``yum``, installers, ``folder``); empty where none is checked.
        trust: ``signed``, or ``hash-lock``: an unsigned root is believed because of its hash in the lock.
        keyrings: files with the public keys, relative to cudepot.toml.
        suites: ``("/",)``, or a folder and a slash, for a flat repository, else folders below ``dists/``.
        components: of a ``dists/`` repository.
        architectures: Debian or rpm architectures wanted (``all`` and ``noarch`` are always taken).
        whole: mirror all of it, as the upstream signed it.
        extras: files beside a whole repository that nothing signs (``.pin``, keys, keyring packages).
        sources: whether a whole apt repository is mirrored with its source packages.
        skip_indexes: globs over indexes, as the Release names them, that a whole apt repository does without.
        boundary: globs over names of dependencies that are left to the distribution.
        valid_for: seconds a published Release stays valid (``Valid-Until``); 0 for ever.
        undated: whether a root that tells no time is accepted, though an old one looks like a new one then.
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
    rpm_keys: tuple[str, ...] = ()
    trust: str = "signed"
    sources: bool = False
    skip_indexes: tuple[str, ...] = ()
    undated: bool = False

    @property
    def carries_rpms(self) -> bool:
        """Whether it is an installer that holds a yum repository."""
        return self.type == "local-repo" and self.path.endswith(".rpm")


def parse_upstream(table: Table) -> Upstream:
    """Return one ``[[upstream]]``; raise ConfigError that names the place of the first fault."""
    kind = table.choice("type", UPSTREAM_TYPES)
    name = upstream_name(table.text("name"), table.path("name"))
    if kind == "folder":
        found = _folder(Upstream(name, kind, path=table.text("path")), table)
    elif kind == "local-repo":
        found = _installer(Upstream(name, kind, path=table.text("path"), sha256=_sha256(table)), table)
    else:
        found = Upstream(name, kind, url=_url(table, kind))
        found = _with_apt_fields(found, table) if kind == "apt" else found
        found = _with_yum_fields(found, table) if kind == "yum" else found
    table.done()
    return found


def _folder(upstream: Upstream, table: Table) -> Upstream:
    """Add how debs of a folder are published, and which keys its rpms can be held to."""
    return replace(_with_rpm_keys(upstream, table), valid_for=_duration(table, "valid-for"))


def _with_rpm_keys(upstream: Upstream, table: Table) -> Upstream:
    """Add the keys that rpms can be held to where no signed root names them, and the files with these."""
    rpm_keys = _keys(table, "rpm-keys", ())
    return replace(upstream, rpm_keys=rpm_keys, keyrings=table.texts("keyrings", None if rpm_keys else ()))


def _url(table: Table, kind: str) -> str:
    url = table.text("url")
    schemes = ("https://", "http://", "file:///") if kind in ("apt", "yum") else ("https://", "http://")
    parts = split_url(url)
    if parts is None or not url.startswith(schemes) or not (parts.hostname or parts.scheme == "file"):
        raise ConfigError(f"expected a URL ({', '.join(schemes)}) in {table.path('url')!r}, found {url!r}")
    if "@" in parts.netloc:
        raise ConfigError(
            f"{table.path('url')!r} holds a user name or password, which would be published",
            hint="put it into ~/.netrc",
        )
    if "?" in url or "#" in url:
        raise ConfigError(
            f"{table.path('url')!r} has a {'query' if '?' in url else 'fragment'}: it names no folder below which "
            "files are, and what it holds would be published",
            hint="a login or token goes into ~/.netrc (`machine HOST login NAME password TOKEN`); a server that takes "
            "one in the query only needs a proxy before it that adds it; a `?` of a folder's name is written %3F; of a "
            "list of mirrors (mirrorlist, metalink) give the URL of one of the mirrors it names",
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


def _installer(upstream: Upstream, table: Table) -> Upstream:
    """Add what an installer has; the packages in one that is an rpm can be held to keys from outside as well."""
    if not upstream.carries_rpms:
        return _with_subset_fields(upstream, table)
    return replace(
        _with_rpm_keys(upstream, table),
        architectures=table.texts("architectures", ("x86_64",)),
        boundary=table.texts("boundary", ()),
    )


def _with_mirror_fields(upstream: Upstream, table: Table, keys: tuple[str, ...] | None = None) -> Upstream:
    """Add whose signatures count (by default ``keys``), and what is mirrored; apt and yum have it alike."""
    return replace(
        upstream,
        keys=_keys(table, "keys", keys),
        keyrings=table.texts("keyrings", keys),
        max_age=_days(table, "max-age"),
        whole=table.flag("whole"),
        extras=table.texts("extras", ()),
    )


def upstream_name(text: str, where: str) -> str:
    """Return a name that an upstream may have; raise ConfigError, which tells ``where`` it stands, for another."""
    if not _NAME.fullmatch(text):
        raise ConfigError(f"{where!r} must be lower-case words joined by '/', found {text!r}")
    return text


def _keys(table: Table, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    expired = {fingerprint(one) for one in table.texts("expired-keys", ())}
    return tuple(one for one in map(fingerprint, table.texts(name, default)) if one not in expired)


def _check_keys(upstream: Upstream, table: Table) -> None:
    if not upstream.keys:
        raise ConfigError(
            f"{table.path('keys')!r} holds no key that may sign", hint="give a full fingerprint that is not expired"
        )


def _with_yum_fields(upstream: Upstream, table: Table) -> Upstream:
    """Add what a yum repository has; packages are signed by the root's keys unless ``rpm-keys`` names others."""
    trust = table.choice("trust", TRUST, "signed")
    given = _with_mirror_fields(upstream, table, () if trust == "hash-lock" else None)
    full = replace(
        given,
        trust=trust,
        rpm_keys=_keys(table, "rpm-keys", given.keys),
        architectures=table.texts("architectures", ("x86_64",)),
        boundary=table.texts("boundary", ()),
        undated=table.flag("undated"),
    )
    if trust == "signed":
        _check_keys(full, table)
    elif full.keys:
        raise ConfigError(
            f'{table.path("keys")!r}: with `trust = "hash-lock"` nobody\'s signature counts for the root',
            hint="name the keys that sign its packages in `rpm-keys`",
        )
    _check_extras(full, table)
    return full


def _with_apt_fields(upstream: Upstream, table: Table) -> Upstream:
    full = replace(
        _with_mirror_fields(_with_subset_fields(upstream, table), table),
        suites=table.texts("suites", ("/",)),
        components=table.texts("components", ()),
        sources=table.flag("sources"),
        skip_indexes=table.texts("skip-indexes", ()),
        undated=table.flag("undated"),
    )
    _check_keys(full, table)
    flat = [suite for suite in full.suites if suite.endswith("/")]
    if bool(flat) == bool(full.components) or (flat and len(full.suites) > 1) or not full.suites:
        raise ConfigError(
            f"{table.where}: a flat repository has one suite, '/' or 'FOLDER/', and no components; one with dists/ has "
            "both",
        )
    _check_whole(full, table)
    return full


def _days(table: Table, key: str) -> int:
    text = table.text(key, "0d")
    if not _DAYS.fullmatch(text):
        raise ConfigError(f"expected a number of days in {table.path(key)!r}, found {text!r}", hint='for example "45d"')
    return int(text[:-1])


def _check_whole(upstream: Upstream, table: Table) -> None:
    for key, given in (("sources", upstream.sources), ("skip-indexes", upstream.skip_indexes)):
        if given and not upstream.whole:
            raise ConfigError(f"{table.path(key)!r} without `whole = true`", hint="a subset has packages only")
    _check_extras(upstream, table)


def _check_extras(upstream: Upstream, table: Table) -> None:
    if upstream.extras and not upstream.whole:
        raise ConfigError(f"{table.path('extras')!r} without `whole = true`", hint="a subset has no such files")
    for one in upstream.extras:
        part = one in ROOT_NAMES if upstream.type == "apt" else one.startswith("repodata/")
        if plain_path(one) != one or part or upstream.extras.count(one) > 1:
            raise ConfigError(
                f"{one!r} in {table.path('extras')!r} is no plain path, is there twice, or is part of the repository",
                hint="name files as they lie below the URL, for example cuda-ubuntu2004.pin",
            )

"""Settings that several kinds of ``[[upstream]]`` have, read from its table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from cudepot.catalog.config.machine_words import own_word
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError
from cudepot.fingerprints import fingerprint
from cudepot.kinds.rules.first_settings import FirstSettings
from cudepot.paths import plain_path
from cudepot.urls import split_url

WEB = ("https://", "http://")
WEB_OR_FILE = (*WEB, "file:///")
_DEBIAN = ("amd64", "arm64", "ppc64el", "armhf", "i386")
_RPM = ("x86_64", "aarch64", "ppc64le", "armv7hl", "i686")
_DAYS = re.compile(r"[0-9]{1,5}d")


def url_of(table: Table, schemes: Sequence[str] = WEB) -> str:
    """Return the base URL, ending in a slash; raise ConfigError where it names no folder, or holds a secret."""
    url = table.text("url")
    parts = split_url(url)
    if parts is None or not url.startswith(tuple(schemes)) or not (parts.hostname or parts.scheme == "file"):
        raise ConfigError(f"expected a URL ({', '.join(schemes)}) in {table.path('url')!r}, found {url!r}")
    if "@" in parts.netloc:
        raise ConfigError(
            f"{table.path('url')!r} holds a user name or password, which would be published",
            hint="put them into ~/.netrc",
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


def with_subset_fields(upstream: Upstream, table: Table, architecture: str) -> Upstream:
    """Add what is selected from a repository; ``architecture`` is the usual one."""
    named = table.texts("architectures", (architecture,))
    for one in named:
        if meant := own_word(one, _DEBIAN if architecture in _DEBIAN else _RPM):
            raise ConfigError(
                f"{one!r} in {table.path('architectures')!r} is what others call that machine",
                hint=f"packages there say {meant}",
            )
    return replace(
        upstream,
        architectures=named,
        distributions=table.texts("distributions", ()),
        boundary=table.texts("boundary", ()),
    )


def with_mirror_fields(upstream: Upstream, table: Table, keys: tuple[str, ...] | None = None) -> Upstream:
    """Add whose signatures count (by default ``keys``), and what is mirrored; apt and yum have it alike."""
    return replace(
        upstream,
        keys=keys_of(table, "keys", keys),
        keyrings=table.texts("keyrings", keys),
        max_age=_days(table, "max-age"),
        whole=table.flag("whole"),
        extras=table.texts("extras", ()),
    )


def with_package_keys(upstream: Upstream, table: Table) -> Upstream:
    """Add the keys that packages can be held to where no signed root names them, and the files with these."""
    package_keys = keys_of(table, "rpm-keys", ())
    return replace(upstream, package_keys=package_keys, keyrings=table.texts("keyrings", None if package_keys else ()))


def _days(table: Table, key: str) -> int:
    text = table.text(key, "0d")
    if not _DAYS.fullmatch(text):
        raise ConfigError(f"expected a number of days in {table.path(key)!r}, found {text!r}", hint='for example "45d"')
    return int(text[:-1])


def keys_of(table: Table, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Return full fingerprints, without those that are said to be expired."""
    expired = {fingerprint(one) for one in table.texts("expired-keys", ())}
    return tuple(one for one in map(fingerprint, table.texts(name, default)) if one not in expired)


def check_keys(upstream: Upstream, table: Table) -> None:
    """Raise ConfigError where no key may sign the root."""
    if not upstream.keys:
        raise ConfigError(
            f"{table.path('keys')!r} holds no key that may sign", hint="give a full fingerprint that is not expired"
        )


def check_extras(upstream: Upstream, table: Table, is_part: Callable[[str], bool]) -> None:
    """Raise ConfigError for files beside a whole repository that cannot be; ``is_part`` tells its own apart."""
    if upstream.extras and not upstream.whole:
        raise ConfigError(f"{table.path('extras')!r} without `whole = true`", hint="a subset has no such files")
    for one in upstream.extras:
        if plain_path(one) != one or is_part(one) or upstream.extras.count(one) > 1:
            raise ConfigError(
                f"{one!r} in {table.path('extras')!r} is not a plain path, appears twice, or is part of the repository",
                hint="give paths relative to the URL, for example cuda-ubuntu2004.pin",
            )


def parse_index(table: Table, upstream: Upstream) -> Upstream:
    """Return an upstream that is an index nothing signs: a URL, and no more; raise ConfigError."""
    return replace(upstream, url=url_of(table), settings=FirstSettings())

"""``cudepot trust``: which keys may sign each upstream, what is known of them, and changes that are shown first.

Nothing here reaches the network: a key comes as a file, and a person has compared its fingerprint.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.edit import set_lists
from cudepot.catalog.config.presets import KnownKey
from cudepot.catalog.config.upstream import Upstream
from cudepot.depot.isolated import unforeseen
from cudepot.depot.key_files import key_file
from cudepot.depot.shipped import load_presets
from cudepot.errors import ConfigError, CudepotError, TrustError
from cudepot.fingerprints import fingerprint
from cudepot.kinds.registry import kind_of
from cudepot.openpgp import PublicKey
from cudepot.signing.keys import read_keys
from cudepot.user_files import write_user_file, write_user_text
from cudepot.workflows.configuration import parse_again


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """One key of an upstream.

    Attributes:
        state: ``pinned``, ``not pinned`` (in a key file, may not sign) or ``expired`` (may sign no more).
        file: the key file that holds it, as cudepot.toml names it; empty when no file does.
        key: what the file says; None when no file holds it.
        known: what cudepot has heard of it.
        shipped: whether the key file is the one that comes with cudepot.
    """

    fingerprint: str
    state: str
    file: str
    key: PublicKey | None
    known: KnownKey
    shipped: bool = False


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A key file that cannot be read: why, as an error says it, and the exit status of that."""

    file: str
    error: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class UpstreamTrust:
    """The keys of one upstream, and the key files that are not there or cannot be read."""

    upstream: str
    url: str
    keys: tuple[TrustedKey, ...]
    missing: tuple[str, ...]
    unreadable: tuple[Unreadable, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What a change of trust would do; :func:`apply` does it.

    Attributes:
        before, after: fingerprints that may sign.
        key: the key that is added; None when one is expired.
        known: what cudepot has heard of the key.
        copy: key file to write below the project, with its bytes; None when there is none to write.
        text: the new cudepot.toml.
    """

    upstream: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    key: PublicKey | None
    known: KnownKey
    copy: tuple[str, bytes] | None
    text: str

    @property
    def sha256(self) -> str:
        """Hash of the key file that is copied; empty when none is."""
        return hashlib.sha256(self.copy[1]).hexdigest() if self.copy else ""


def list_trust(base: Path, config: Config, logged: Callable[[BaseException], str]) -> tuple[UpstreamTrust, ...]:
    """Return the keys of all upstreams that sign; ``logged`` keeps what nobody foresaw and says where."""
    raw = _raw(base)
    return tuple(
        _trust(base, one, logged, [fingerprint(text) for text in raw[number].get("expired-keys", [])])
        for number, one in enumerate(config.upstreams)
        if kind_of(one).locks.is_signed or one.package_keys
    )


def _trust(base: Path, upstream: Upstream, logged: Callable[[BaseException], str], expired: list[str]) -> UpstreamTrust:
    found: dict[str, tuple[str, PublicKey]] = {}
    unreadable = list[Unreadable]()
    missing = [name for name in upstream.keyrings if not key_file(base, name).is_file()]
    for name in upstream.keyrings:
        if name in missing:
            continue
        try:
            for key in read_keys(key_file(base, name)):
                found.setdefault(key.fingerprint, (name, key))
        except Exception as error:  # noqa: BLE001 - whatever a key file of one upstream does to us
            unreadable.append(_unreadable(name, error, logged))
    states = dict.fromkeys(found, "not pinned") | dict.fromkeys(expired, "expired")
    states |= dict.fromkeys((*upstream.keys, *upstream.package_keys), "pinned")
    keys = tuple(_keys(base, states, found))
    return UpstreamTrust(upstream.name, upstream.place, keys, tuple(missing), tuple(unreadable))


def _unreadable(name: str, error: Exception, logged: Callable[[BaseException], str]) -> Unreadable:
    told = error if isinstance(error, CudepotError) else unforeseen(name, error, logged(error))
    return Unreadable(name, f"{told} ({told.hint})" if told.hint else str(told), told.exit_code)


def _keys(base: Path, states: Mapping[str, str], found: Mapping[str, tuple[str, PublicKey]]) -> Iterator[TrustedKey]:
    presets = load_presets()
    for one in sorted(states, key=lambda full: ("pinned", "not pinned", "expired").index(states[full])):
        file, key = found.get(one, ("", None))
        yield TrustedKey(one, states[one], file, key, presets.key(one), bool(file) and not (base / file).exists())


def plan_add(base: Path, config: Config, name: str, file: Path, *, wanted: str = "", today: datetime.date) -> Change:
    """Return what pinning one more key would change; a key that is pinned already gets its file renewed.

    Args:
        base: project folder.
        config: cudepot.toml.
        name: the upstream.
        file: the key file.
        wanted: fingerprint the file must hold; needed when it holds several keys.
        today: to refuse keys that have expired.

    Raises:
        ConfigError: no such upstream or key, or a key that cannot sign.
        TrustError: the file does not hold the key of fingerprint ``wanted``.
    """
    upstream = _signed_upstream(config, name)
    key = _the_key(file, wanted, today)
    number = config.upstreams.index(upstream)
    raw = _raw(base)[number]
    copy = _copy(base, upstream, key, file)
    rings = upstream.keyrings if copy is None or copy[0] in upstream.keyrings else (*upstream.keyrings, copy[0])
    lists = {"expired-keys": [one for one in raw.get("expired-keys", []) if fingerprint(one) != key.fingerprint]}
    if key.fingerprint not in upstream.keys:  # a list that was a preset's is written out: it says more now
        lists |= {"keys": [*raw.get("keys", upstream.keys), key.fingerprint], "keyrings": list(rings)}
        lists |= _rpm_keys(upstream, raw, key.fingerprint)
    elif rings != upstream.keyrings:
        lists |= {"keyrings": list(rings)}
    text = set_lists(_text(base), number, lists)
    return _change(config, number, text, key, copy, key.fingerprint)


def _rpm_keys(upstream: Upstream, raw: Mapping[str, Any], full: str) -> dict[str, list[str]]:
    """Return the keys of packages with one more, where they are listed apart from those of the root."""
    listed = upstream.package_keys and (upstream.package_keys != upstream.keys or "rpm-keys" in raw)
    if not listed or full in upstream.package_keys:
        return {}
    return {"rpm-keys": [*raw.get("rpm-keys", upstream.package_keys), full]}


def plan_expire(base: Path, config: Config, name: str, text: str, *, today: datetime.date) -> Change:
    """Return what taking back a key would change: it may sign no more, whatever a preset says.

    Raises:
        ConfigError: the key is not pinned, or is the only one.
    """
    upstream, full = _signed_upstream(config, name), fingerprint(text)
    if full not in upstream.keys:
        pinned = ", ".join(upstream.keys)
        raise ConfigError(f"{full} is not pinned for {name!r}", hint=f"pinned keys: {pinned}")
    if len(upstream.keys) == 1:
        raise ConfigError(
            f"{full} is the only key of {name!r}: without it nothing could be verified",
            hint="add the new one first with `cudepot trust add`, or remove the upstream from cudepot.toml",
        )
    number = config.upstreams.index(upstream)
    raw = _raw(base)[number]
    lists = {"expired-keys": [*raw.get("expired-keys", []), full]}
    if "keys" in raw:
        lists["keys"] = [one for one in raw["keys"] if fingerprint(one) != full]
    changed = set_lists(_text(base), number, lists, comment=f"since {today.isoformat()}")
    return _change(config, number, changed, None, None, full)


def apply(base: Path, change: Change) -> None:
    """Write the key file, then cudepot.toml: each whole or not at all."""
    if change.copy is not None:
        write_user_file(base / change.copy[0], change.copy[1])
    if change.text != _text(base):
        write_user_text(base / "cudepot.toml", change.text)


def _change(
    config: Config, number: int, text: str, key: PublicKey | None, copy: tuple[str, bytes] | None, full: str
) -> Change:
    before = config.upstreams[number]
    after = parse_again(text, config).upstreams[number]
    return Change(before.name, before.keys, after.keys, key, load_presets().key(full), copy, text)


def _text(base: Path) -> str:
    return (base / "cudepot.toml").read_text()


def _raw(base: Path) -> list[dict[str, Any]]:
    """Return the ``[[upstream]]`` tables as they stand in cudepot.toml, presets not filled in."""
    return list(tomli.loads(_text(base)).get("upstream", []))


def _signed_upstream(config: Config, name: str) -> Upstream:
    upstream = config.upstream(name)
    if not kind_of(upstream).locks.is_signed:
        raise ConfigError(
            f"upstream {name!r} has type {upstream.type!r}: only its rpms are signed",
            hint="keys of rpms in a folder or an installer are listed by hand, in `rpm-keys` and `keyrings`",
        )
    return upstream


def _the_key(file: Path, wanted: str, today: datetime.date) -> PublicKey:
    keys = read_keys(file)
    full = fingerprint(wanted) if wanted else ""
    chosen = [one for one in keys if full in ("", one.fingerprint)]
    listed = ", ".join(one.fingerprint for one in keys)
    if not chosen:
        raise TrustError(f"{file}: does not hold {full}", hint=f"it holds {listed}: find out why before you use it")
    if len(chosen) > 1:
        raise ConfigError(f"{file}: holds {len(keys)} keys", hint=f"choose one with --key: {listed}")
    _check_usable(chosen[0], file, today)
    return chosen[0]


def _check_usable(key: PublicKey, file: Path, today: datetime.date) -> None:
    primary = key.parts[0]
    if primary.revoked:
        raise ConfigError(f"{file}: {key.fingerprint} has been revoked", hint="ask the upstream which key it uses now")
    if primary.expires and primary.expires <= today.isoformat():
        raise ConfigError(f"{file}: the key expired on {primary.expires}", hint="get the upstream's current key file")
    if not any(one.signs for one in key.parts):
        raise ConfigError(f"{file}: {key.fingerprint} cannot sign", hint="this key is for other uses")


def _copy(base: Path, upstream: Upstream, key: PublicKey, file: Path) -> tuple[str, bytes] | None:
    """Return where the key file goes; None when a key file of the upstream is the very file."""
    if any((base / one).exists() and (base / one).samefile(file) for one in upstream.keyrings):
        return None
    return _place(base, upstream, key), file.read_bytes()


def _place(base: Path, upstream: Upstream, key: PublicKey) -> str:
    """Return where the key's file belongs: a place that waits for it, else a name in ``keys/`` that is free."""
    full = key.fingerprint
    waiting = [one for one in upstream.keyrings if not key_file(base, one).exists() and not Path(one).is_absolute()]
    names = [one for one in upstream.keyrings if one == load_presets().key(full).local]
    names += waiting if full in upstream.keys and len(waiting) == 1 else []
    for name in [*names, f"keys/{full[-8:].lower()}.pub"]:
        if not (base / name).exists() or full in [one.fingerprint for one in read_keys(base / name)]:
            return name
    return f"keys/{full}.pub"

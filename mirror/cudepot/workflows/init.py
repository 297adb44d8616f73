"""``cudepot init``: make a project folder: cudepot.toml, store, and a key for the site."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from cudepot.catalog.config import Config, parse_config
from cudepot.catalog.template import render_template
from cudepot.disk import write_atomic
from cudepot.errors import ConfigError
from cudepot.signing.gpg import GpgSigner, make_key
from cudepot.signing.gpgv import fingerprint
from cudepot.store.local import LocalStore

IGNORED = "/store/\n/site/\n/gnupg/\n"


@dataclass(frozen=True, slots=True)
class InitResult:
    """What was made: paths, and the fingerprint of the site's key."""

    made: tuple[str, ...]
    key: str


def init(base: Path, *, label: str, key: str, gnupg: str, dry_run: bool) -> InitResult:
    """Make a project in ``base``; with a cudepot.toml there already, only what it lacks.

    Args:
        base: the project folder; made when missing.
        label: who we are (``site.label``).
        key: fingerprint of an existing signing key; empty to make one.
        gnupg: GnuPG home, relative to ``base``.
        dry_run: only say what would be made.

    Raises:
        ConfigError: the key is not in the GnuPG home, or cudepot.toml is malformed.
    """
    toml = base / "cudepot.toml"
    made = [name for name in ("cudepot.toml", ".gitignore") if not (base / name).exists()]
    if toml.exists():
        config = _read(toml)
        key, gnupg, store = config.site.key, config.site.gnupg, config.store
    else:
        store = "store"
        parse_config(tomllib.loads(render_template(label=label, key="", gnupg=gnupg)))
    made += [] if (base / store / "FORMAT").exists() else [store]
    made += [] if key or toml.exists() else [gnupg]
    if not dry_run:
        key = _make(base, made, label=label, key=key, gnupg=gnupg, store=store)
    return InitResult(tuple(made), key)


def _read(toml: Path) -> Config:
    try:
        return parse_config(tomllib.loads(toml.read_text()))
    except ConfigError as error:
        raise ConfigError(f"{toml}: {error}", hint=error.hint or "docs/formats.md describes every key") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{toml}: not TOML: {error}", hint="correct the line it names") from error


def _make(base: Path, made: list[str], *, label: str, key: str, gnupg: str, store: str) -> str:
    base.mkdir(parents=True, exist_ok=True)
    if gnupg in made:
        key = make_key(base / gnupg, f"cudepot site {label} <cudepot@{label}.invalid>")
    elif key:
        GpgSigner(base / gnupg, fingerprint(key)).public_key(armor=False)
    if "cudepot.toml" in made and not key:
        raise ConfigError("no signing key", hint="leave out --key to have one made")
    LocalStore(base / store, create=True)
    if ".gitignore" in made:
        write_atomic(base / ".gitignore", IGNORED.encode())
    if "cudepot.toml" in made:
        write_atomic(base / "cudepot.toml", render_template(label=label, key=key, gnupg=gnupg).encode())
    return key

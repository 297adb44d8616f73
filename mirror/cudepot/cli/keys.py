"""Opens the keys of a run: those whose signatures count, and the one that signs the site."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.errors import ConfigError
from cudepot.kinds.registry import kind_of
from cudepot.ports import Signer, Verifier


def upstream_verifier(base: Path, upstream: Upstream) -> Verifier:
    """Return what checks signatures with the keys that are pinned for an upstream.

    Raises:
        ConfigError: the file of a key cannot be read.
    """
    from cudepot.depot.key_files import key_file, key_files
    from cudepot.signing.gpgv import Gpgv

    for one in upstream.keyrings:
        if not key_file(base, one).is_file():
            from cudepot.depot.shipped import load_presets

            hint = load_presets().where_from(one, upstream.keys)
            raise ConfigError(f"{base / one}: cannot read the public key", hint=hint)
    by_hand = f"`rpm-keys` of upstream {upstream.name!r} in cudepot.toml, with the file in `keyrings`,"
    pin = f"`cudepot trust add {upstream.name} KEYFILE`" if kind_of(upstream).locks.is_signed else by_hand
    return Gpgv(key_files(base, upstream), upstream.keys, pin_with=pin)


def site_signer(base: Path, config: Config) -> AbstractContextManager[Signer]:
    """Return what signs with the site's key, or stands for the key of the site that this project shows.

    Raises:
        ConfigError: the project has no key.
    """
    from cudepot.signing.gpg import GpgSigner
    from cudepot.signing.origin import OriginKey

    if config.site.origin:
        return nullcontext(OriginKey(base / config.site.origin_keyring, config.site.origin))
    if not config.site.key:
        raise ConfigError("'site.key' in cudepot.toml names no key", hint="`cudepot init` creates one")
    return GpgSigner(base / config.site.gnupg, config.site.key)


def site_verifier(base: Path, config: Config) -> Verifier:
    """Return what checks signatures with the site's own keys, former ones too.

    Raises:
        ConfigError: the project has no key.
    """
    from cudepot.signing.gpg import GpgSigner
    from cudepot.signing.gpgv import Gpgv
    from cudepot.temporary import temporary_folder

    if config.site.origin:
        keyring = base / config.site.origin_keyring
        return Gpgv([keyring], [config.site.origin], pin_with="`from` of [site] in cudepot.toml")
    if not config.site.key:
        raise ConfigError("'site.key' in cudepot.toml names no key", hint="`cudepot init` creates one")
    trusted = [GpgSigner(base / config.site.gnupg, one) for one in (config.site.key, *config.site.former_keys)]
    with temporary_folder() as folder:
        (folder / "keys").write_bytes(b"".join(one.public_key(armor=False) for one in trusted))
        return Gpgv([folder / "keys"], [one.fingerprint for one in trusted])

"""``cudepot init --from-site``: make a project that shows, from bundles, a site that another machine signs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cudepot.catalog.config.template import render_origin_template
from cudepot.catalog.config.upstream import upstream_name
from cudepot.depot.shipped import load_presets
from cudepot.errors import ConfigError
from cudepot.fingerprints import fingerprint
from cudepot.signing.keys import read_keys
from cudepot.store.local import LocalStore
from cudepot.user_files import write_user_file, write_user_text
from cudepot.workflows.init.init import InitResult

KEYRING = "keys/site.asc"


def init_from(
    base: Path, keyfile: Path, *, label: str, upstream_keys: Sequence[str], unsigned: Sequence[str], dry_run: bool
) -> InitResult:
    """Make the project of a far side.

    Args:
        base: the project folder; made when missing.
        keyfile: the site's public key, brought and compared by a person.
        label: who the site is (``site.label``), for client configuration.
        upstream_keys: fingerprints that may sign upstreams; empty for those that presets pin.
        unsigned: upstreams of that site whose repositories nobody but the site signs.
        dry_run: only say what would be made.

    Raises:
        ConfigError: there is a project already, or the file does not hold exactly one key.
    """
    if (base / "cudepot.toml").exists():
        raise ConfigError(f"{base / 'cudepot.toml'}: exists", hint="set `from` in its [site], or use another folder")
    found = [one.fingerprint for one in read_keys(keyfile)]
    if len(found) != 1:
        raise ConfigError(f"{keyfile}: holds {len(found)} keys", hint="use keys/site.asc of the site, and nothing else")
    names = [upstream_name(one, "--unsigned-upstream") for one in unsigned]
    keys = [fingerprint(one) for one in upstream_keys] or _known()
    if not dry_run:
        write_user_file(base / KEYRING, keyfile.read_bytes())
        text = render_origin_template(label=label, key=found[0], keyring=KEYRING, upstream_keys=keys, unsigned=names)
        write_user_text(base / "cudepot.toml", text)
        LocalStore(base / "store", create=True)
    return InitResult((KEYRING, "cudepot.toml", "store"), found[0], False)


def _known() -> list[str]:
    """Return the keys that presets pin: they sign today."""
    presets = load_presets()
    return sorted({key for one in presets.repositories.values() for key in (*one.keys, *one.rpm_keys)})

"""``cudepot init``: make a project folder: cudepot.toml, store, and a key for the site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.template import render_template
from cudepot.catalog.nvidia.first_companions import companions
from cudepot.catalog.nvidia.first_pins import Meant, Wishes, check_repository, first_pins
from cudepot.catalog.nvidia.first_releases import check_cuda, check_cudnn, meant
from cudepot.catalog.nvidia.first_sizes import Expected, expected
from cudepot.catalog.stacks.chosen import StackWishes
from cudepot.depot.nvidia_catalog import load_catalog, load_components
from cudepot.depot.shipped import load_presets
from cudepot.errors import ConfigError
from cudepot.fingerprints import fingerprint
from cudepot.signing.gpg import GpgSigner, make_key
from cudepot.store.local import LocalStore
from cudepot.user_files import write_user_text
from cudepot.workflows.configuration import parse_text
from cudepot.workflows.init.keys import key_files, put_in_place
from cudepot.workflows.init.stacks import stacked

_SOMEWHERE = "https://machine.invalid/"
"""Stands for what the machine is configured for: nothing is read here, and another machine may do that."""


@dataclass(frozen=True, slots=True)
class InitResult:
    """What was made: paths; the fingerprint of the site's key; whether its secret half is on this machine.

    ``expected`` says what the wishes come to before anything is fetched, ``lacking`` which key files somebody has to
    bring, a line each.
    """

    made: tuple[str, ...]
    key: str
    can_sign: bool
    expected: tuple[Expected, ...] = ()
    lacking: tuple[str, ...] = ()


def init(
    base: Path,
    *,
    label: str,
    key: str,
    gnupg: str,
    dry_run: bool,
    wishes: Wishes | StackWishes | None = None,
    keyrings: Sequence[Path] = (),
) -> InitResult:
    """Make a project in ``base``; with a cudepot.toml there already, only what it lacks.

    Args:
        base: the project folder; made when missing.
        label: who we are (``site.label``).
        key: fingerprint of an existing signing key; empty to make one.
        gnupg: GnuPG home, relative to ``base``.
        dry_run: only say what would be made.
        wishes: what a new cudepot.toml shall pin, or the stacks it is for; None for nothing but examples.
        keyrings: files of keys that presets pin and cudepot does not bring; they are copied into the project.

    Raises:
        ConfigError: the key named is not in the GnuPG home, cudepot.toml is malformed, or a file has no key that an
            upstream wants.
    """
    if base.exists() and not base.is_dir():
        raise ConfigError(f"{base}: not a folder", hint="-C names the folder of cudepot.toml")
    toml = base / "cudepot.toml"
    known = toml.exists()
    key = fingerprint(key) if key else ""
    if known and wishes:
        raise ConfigError(f"{toml}: exists already", hint="`cudepot add` adds to it")
    pins = _pins(wishes) if wishes else ""
    closed = isinstance(wishes, Wishes) and wishes.closed
    text = toml.read_text("utf-8") if known else _rendered(label, key, gnupg, pins, closed=closed)
    config = _parse(text, toml)
    files = key_files(base, config.upstreams, keyrings)
    made = [*_missing(base, config), *files.found]
    if not dry_run:
        base.mkdir(parents=True, exist_ok=True)
        if not known:
            key = _key(base, config)
            write_user_text(toml, _rendered(label, key, gnupg, pins, closed=closed))
        put_in_place(base, files)
        _ignore(base, config)
        LocalStore(base / config.store, create=True)
    key = config.site.key or key
    can_sign = bool(key) and (base / config.site.gnupg).is_dir()
    told = outlook(wishes) if isinstance(wishes, Wishes) else ()
    return InitResult(tuple(made), key, can_sign, told, files.lacking if wishes else ())


def _rendered(label: str, key: str, gnupg: str, pins: str, *, closed: bool) -> str:
    return render_template(label=label, key=key, gnupg=gnupg, closed=closed) + pins


def outlook(wishes: Wishes) -> tuple[Expected, ...]:
    """Return what wishes come to; raise ConfigError when they name no version or a repository nobody knows."""
    return expected(load_catalog(), _meant(wishes))


def _meant(wishes: Wishes) -> tuple[Meant, ...]:
    if not wishes.distributions:
        raise ConfigError("no distribution was given", hint="--distribution ubuntu2204; `cudepot upstreams` has all")
    for one in wishes.distributions:
        check_repository(one, load_presets())
    for version in wishes.cudnns:
        check_cudnn(version)
    for cuda in wishes.cudas:
        check_cuda(cuda)
    return meant(load_catalog(), wishes)


def _pins(wishes: Wishes | StackWishes) -> str:
    if isinstance(wishes, StackWishes):
        return stacked(wishes).text
    releases = _meant(wishes)
    pins = first_pins(releases, repackage=wishes.repackage or wishes.closed)
    return pins + (companions(load_components(), releases) if wishes.closed else "")


def _parse(text: str, toml: Path) -> Config:
    try:
        return parse_text(text, lambda *_: _SOMEWHERE)
    except ConfigError as error:
        raise ConfigError(
            f"{toml}: {error}", hint=error.hint or "`cudepot explain formats` describes every key"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{toml}: not TOML: {error}", hint="correct the line it names") from error


def _missing(base: Path, config: Config) -> list[str]:
    """Return what is to be made, in words a person finds again in the folder."""
    made = [] if (base / "cudepot.toml").exists() else ["cudepot.toml"]
    made += [] if config.site.key or not made else [config.site.gnupg]
    made += [".gitignore"] if _unignored(base, config) else []
    return made + ([] if (base / config.store / "FORMAT").exists() else [config.store])


def _key(base: Path, config: Config) -> str:
    """Return the fingerprint of the site's key: the one named, if it is there, else a new one."""
    home = base / config.site.gnupg
    if not config.site.key:
        return make_key(home, f"cudepot site {config.site.label} <cudepot@{config.site.label}.invalid>")
    GpgSigner(home, config.site.key).public_key(armor=False)
    return config.site.key


def _unignored(base: Path, config: Config) -> list[str]:
    """Return the lines .gitignore lacks: above all the folder of the secret key must never be committed."""
    path = base / ".gitignore"
    present = path.read_bytes().decode(errors="surrogateescape").splitlines() if path.exists() else []
    folders = (config.store, config.site.place.served_folder(), config.site.gnupg)
    wanted = [f"/{name.strip('/')}/" for name in folders if name is not None]
    return [line for line in wanted if line not in present and not line.startswith(("/../", "//"))]


def _ignore(base: Path, config: Config) -> None:
    path, lines = base / ".gitignore", _unignored(base, config)
    if lines:
        before = path.read_bytes().decode(errors="surrogateescape") if path.exists() else ""
        joint = "" if not before or before.endswith("\n") else "\n"
        write_user_text(path, before + joint + "".join(f"{line}\n" for line in lines))

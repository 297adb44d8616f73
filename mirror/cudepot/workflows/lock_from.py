"""``cudepot lock --from``: write the pins that reproduce an existing environment's NVIDIA packages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli
import tomli_w

from cudepot.catalog.config import Config, Pin, parse_config
from cudepot.catalog.environment import Installed, pins_of, read_environment
from cudepot.catalog.presets import expand
from cudepot.disk import write_atomic
from cudepot.errors import ConfigError, PinError
from cudepot.workflows.presets import load_presets


@dataclass(frozen=True, slots=True)
class FromResult:
    """What an environment became: the new pins as TOML, what was pinned already, and what no pin can stand for."""

    text: str
    pinned: tuple[str, ...]
    left: tuple[tuple[Installed, str], ...]


def pins_from(
    base: Path, config: Config, listing: str, what: str, chosen: Sequence[str], *, dry_run: bool
) -> FromResult:
    """Append the pins to cudepot.toml; what is pinned already is not pinned twice.

    Args:
        base: the project folder.
        config: its configuration.
        listing: output of ``dpkg -l``, ``rpm -qa``, ``pip freeze`` or ``conda env export``.
        what: how the new pins' comment names the listing.
        chosen: names of upstreams to take where several could have a package.
        dry_run: change nothing.

    Raises:
        PinError: the listing names no NVIDIA package, or it is not clear where one comes from.
    """
    installed = read_environment(listing)
    if not installed:
        raise PinError(
            f"{what}: lists no NVIDIA package", hint="give `dpkg -l`, `rpm -qa`, `pip freeze` or `conda env export`"
        )
    wanted = pins_of(installed, config.upstreams, chosen)
    known = {(pin.upstream, spec, "conda" in pin.outputs) for pin in config.pins for spec in pin.packages}
    fresh = [(pin, [one for one in pin.packages if not _known(pin, one, known)]) for pin in wanted.pins]
    tables = [_table(pin, specs) for pin, specs in fresh if specs]
    text = f"\n# from {what}\n{tomli_w.dumps({'pin': tables})}" if tables else ""
    if text and not dry_run:
        _append(base / "cudepot.toml", text)
    pinned = tuple(one for pin, specs in fresh for one in pin.packages if one not in specs)
    return FromResult(text, pinned, wanted.left)


def _known(pin: Pin, spec: str, known: set[tuple[str, str, bool]]) -> bool:
    return (pin.upstream, spec, "conda" in pin.outputs) in known


def _table(pin: Pin, specs: list[str]) -> dict[str, Any]:
    table: dict[str, Any] = {"upstream": pin.upstream, "packages": specs}
    if pin.recipe:
        table |= {"recipe": pin.recipe, "outputs": list(pin.outputs)} | ({"cuda": pin.cuda} if pin.cuda else {})
    return table


def _append(path: Path, text: str) -> None:
    """Add tables at the end, if what stands then is still the configuration it was, and these pins."""
    result = path.read_text("utf-8").rstrip("\n") + "\n" + text
    try:
        parse_config(expand(tomli.loads(result), load_presets))
    except (tomli.TOMLDecodeError, ConfigError) as error:
        raise ConfigError(f"{path}: the pins cannot be added: {error}", hint=f"add them by hand:\n{text}") from error
    write_atomic(path, result.encode())

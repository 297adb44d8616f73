"""OpenPGP fingerprints in their one form; key ids are refused because they can be forged."""

from __future__ import annotations

import re

from cudepot.errors import ConfigError

_FULL = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


def fingerprint(text: str) -> str:
    """Return a full fingerprint, upper case without blanks; raise ConfigError for key ids and anything else."""
    clean = text.replace(" ", "").removeprefix("0x").upper()
    if not _FULL.fullmatch(clean):
        raise ConfigError(
            f"{text!r} is not a full OpenPGP fingerprint",
            hint="give all 40 hex digits; key ids can be forged",
        )
    return clean


def spaced(full: str) -> str:
    """Return a fingerprint in groups of four digits, as people compare it."""
    return " ".join(full[at : at + 4] for at in range(0, len(full), 4))

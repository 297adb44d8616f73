"""Small JSON documents of the store that carry a hash of themselves, so that a flipped bit is seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cudepot.digest import hexdigest
from cudepot.errors import FormatError

KEY = "check"


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with the hash of all the rest under ``check``."""
    plain = {key: value for key, value in document.items() if key != KEY}
    return {**plain, KEY: hexdigest(json.dumps(plain, sort_keys=True).encode())}


def unsealed(data: bytes | str, what: str) -> dict[str, Any]:
    """Return a document without its hash; one without a hash may have lost its name to a flipped bit.

    Raises:
        FormatError: not a JSON object, or not the one that was written.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{what}: not JSON: {error}", hint="run `cudepot verify --repair`") from error
    if not isinstance(document, dict):
        raise FormatError(f"{what}: not a JSON object", hint="run `cudepot verify --repair`")
    if sealed(document) != document:
        raise FormatError(f"{what}: was changed since it was written", hint="run `cudepot verify --repair`")
    del document[KEY]
    return document

"""Small JSON documents of the store that carry a hash of themselves, so that a flipped bit is seen."""

import hashlib
import json
from typing import Any, Dict

from cudepot_far.errors import ConfigError, FormatError
from cudepot_far.values import parse_json

_KEY = "check"


def sealed(document: Dict[str, Any]) -> Dict[str, Any]:
    """Return a document with the hash of all the rest under ``check``."""
    plain = {key: value for key, value in document.items() if key != _KEY}
    plain[_KEY] = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
    return plain


def unsealed(data: bytes, what: str) -> Dict[str, Any]:
    """Return a document without its hash; raise FormatError when it is not the one that was written."""
    try:
        document = parse_json(data, what)
    except ConfigError as error:
        raise FormatError(str(error), "the full cudepot repairs it: cudepot verify --repair") from error
    if sealed(document) != document:
        raise FormatError(
            f"{what}: was changed since it was written", "the full cudepot repairs it: cudepot verify --repair"
        )
    del document[_KEY]
    return document

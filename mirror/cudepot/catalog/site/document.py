"""Reads the JSON documents that cudepot writes and signs: each names its format. Pure."""

from __future__ import annotations

import json
from typing import Any

from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError


def read_document(data: bytes, what: str, kind: str) -> tuple[dict[str, Any], Table]:
    """Return a document as it is, and as a table whose unknown keys are left alone.

    Args:
        data: the document.
        what: names it in errors.
        kind: the format it has to be of, ``cudepot-snapshot 1``.

    Raises:
        ConfigError: it is not JSON, or of another format.
    """
    try:
        document = json.loads(data)
        table = Table(document, tolerant=True)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{what}: not JSON: {error}") from error
    found = table.text("format")
    if found != kind:
        raise ConfigError(
            f"{what}: format {found!r}; this cudepot reads {kind!r}", hint="use the cudepot that wrote it"
        )
    return document, table

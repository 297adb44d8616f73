"""What happened to a site, as hooks receive it: the document ``cudepot-event 1``. See ``docs/formats.md``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

FORMAT = "cudepot-event 1"


class Event(NamedTuple):
    """Something that happened.

    Attributes:
        kind: one of :data:`cudepot.catalog.config.hooks.EVENTS`.
        told: what there is to say of it; each kind has keys of its own.
    """

    kind: str
    told: Mapping[str, Any]


def render_event(event: Event, *, id_: str, at: str, site: Mapping[str, str]) -> bytes:
    """Return the document.

    Args:
        event: what happened.
        id_: what tells this event from all others.
        at: when it was noticed (UTC).
        site: ``label`` and ``url`` of the site.
    """
    document = {"format": FORMAT, "id": id_, "event": event.kind, "at": at, "site": dict(site), **event.told}
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"

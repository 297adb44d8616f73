"""What is at the top of a site and is no ecosystem's, and which names channels and tags cannot have for it. Pure."""

from __future__ import annotations

from cudepot.catalog.ecosystems import ENVIRONMENTS, rows
from cudepot.errors import ConfigError

KEY, KEYRING = "keys/site.asc", "keys/site.gpg"
"""The site's public key, armored and binary."""
CLIENTS = "clients"
PROVENANCE = "provenance"
SIMPLE_JSON = "simple-json"
"""Folder of the wheel index in its JSON form, in a bucket."""
NVIDIA = ("compute", "libnvidia-container")
"""Folders with NVIDIA's own paths."""
FOLLOWED = "followed"
"""Folder of what edges need beside the files of the snapshot, by sha256."""
FOLLOW = ("follow.json", "follow.json.asc")
"""Where an edge begins that follows the site: what the snapshot's packages are proved with, and its signature."""
SHOWN = "shown.asc"
"""What the site says to edges that it shows: no part of a snapshot, and beside the channels where there are any."""
PROMOTIONS = "promotions.d"
"""Folder of the promotion records beside it."""
DOCUMENTS = ("index.html", "snapshot.json", "snapshot.json.asc", *FOLLOW, SHOWN)
"""Where the clients of the site itself begin."""
CURRENT, SNAPSHOTS = "current", "snapshots"
"""In the folder of a site: the link to what is shown, and where all snapshots are."""
OBJECTS, RECORDS = "objects", "records"
"""In a store's bucket, which may be the site's as well."""
WATCHED = ("healthz", "readyz", "metrics")
"""What `cudepot serve` answers to those who watch it."""
LOCK = "lock"
"""The lock, where a verb takes a snapshot."""


def taken() -> tuple[str, ...]:
    """Return the names that mean something else on a site or to a verb, in the order of the alphabet."""
    rooms = {room for row in rows() for room in (row.room, row.index_room) if room}
    folders = {KEY.partition("/")[0], CLIENTS, PROVENANCE, SIMPLE_JSON, FOLLOWED, PROMOTIONS, ENVIRONMENTS, *NVIDIA}
    return tuple(sorted(rooms | folders | {CURRENT, SNAPSHOTS, OBJECTS, RECORDS, LOCK, *WATCHED, *DOCUMENTS}))


def check_free(name: str, what: str) -> None:
    """Refuse a name that means something else on a site or to a verb, in whatever case.

    Args:
        name: of a channel or a tag.
        what: says in the error whose name it is.

    Raises:
        ConfigError: it is taken, or a number, which is a snapshot's.
    """
    if name.isdecimal():
        raise ConfigError(f"{what} is {name!r}, which is the number of a snapshot", hint="choose a name with letters")
    if name.lower() in taken():
        hint = f"choose another one; taken are {', '.join(taken())}"
        raise ConfigError(f"{what} is {name!r}, a name that cudepot uses itself", hint=hint)

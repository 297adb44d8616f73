"""A snapshot as a bucket keeps it for going back to: its tree and its small files, and the keys they lie under."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cudepot.digest import Digest
from cudepot.errors import FormatError, SiteError
from cudepot.ports import FileTraits, Rank
from cudepot.transport.s3_bucket import Bucket


@dataclass(frozen=True, slots=True)
class Written:
    """A snapshot that was written: path → content, and path → bytes of what stands beside the tree."""

    tree: Mapping[str, Digest]
    extra: Mapping[str, bytes]


def key_of(number: int) -> str:
    """Return the key a snapshot is kept under."""
    return f".cudepot/snapshots/{number:06d}.json"


def rendered(snapshot: Written) -> bytes:
    """Return the document :func:`load` reads."""
    data = {
        "tree": {path: [one.sha256, one.size] for path, one in snapshot.tree.items()},
        "extra": {path: base64.b64encode(body).decode() for path, body in snapshot.extra.items()},
    }
    return json.dumps(data, sort_keys=True).encode() + b"\n"


def load(bucket: Bucket, number: int) -> Written | None:
    """Return a snapshot that was written; None when there is none of that number.

    Raises:
        SiteError: something else lies in its place.
    """
    got = bucket.get(key_of(number))
    if got is None:
        return None
    try:
        data = json.loads(got.body)
        return Written(
            {path: Digest(str(sha256), int(size)) for path, (sha256, size) in data["tree"].items()},
            {path: base64.b64decode(text) for path, text in data["extra"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, FormatError) as error:
        raise SiteError(f"{bucket.where}{key_of(number)}: not what cudepot wrote", hint="publish again") from error


@dataclass(frozen=True, slots=True)
class Names:
    """How site paths become keys.

    A bucket looks nothing up and normalises nothing, as web servers do: ``simple/NAME/`` is asked for without
    ``index.html``, and apt asks a flat mirror whose index says ``./NAME`` for just that. Those names are objects too.

    Attributes:
        traits: says how a key is written and served.
        pages: whether a folder's page is an object too.
        dotted: site folders, ending in ``/``, whose packages are asked for as ``FOLDER./NAME``.
    """

    traits: Callable[[str], FileTraits]
    dotted: tuple[str, ...] = ()
    pages: bool = True

    def aliases(self, tree: Mapping[str, Digest]) -> dict[str, str]:
        """Return the other names: key → path."""
        pages = {path.removesuffix("index.html"): path for path in tree if self.pages and path.endswith("/index.html")}
        dots = {
            f"{folder}./{path.removeprefix(folder)}": path
            for folder in self.dotted
            for path in tree
            if path.startswith(folder) and self.traits(path).rank is Rank.PACKAGE
        }
        return pages | dots

    def keys(self, tree: Mapping[str, Digest]) -> dict[str, Digest]:
        """Return all names: key → content."""
        return {**tree, **{alias: tree[path] for alias, path in self.aliases(tree).items()}}

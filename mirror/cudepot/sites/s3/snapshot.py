"""A snapshot as a bucket keeps it for going back to: its tree and its small files, and their keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cudepot.catalog.ecosystems import APT, WHEELS, at_home
from cudepot.catalog.site_tops import SIMPLE_JSON
from cudepot.digest import Digest
from cudepot.errors import FormatError, SiteError
from cudepot.paths import safe_name
from cudepot.ports import FileTraits, Rank
from cudepot.transport.s3.bucket import Bucket


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
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, FormatError) as error:
        raise SiteError(f"{bucket.where}{key_of(number)}: not what cudepot wrote", hint="publish again") from error


@dataclass(frozen=True, slots=True)
class Names:
    """How site paths become keys.

    A bucket looks nothing up and normalises nothing, as web servers do: ``simple/NAME/`` is asked for without
    ``index.html``; apt asks for ``FOLDER/./InRelease`` where a source says ``deb URL ./``, and for ``FOLDER/./NAME``
    or ``FOLDER/pool//NAME`` where an index says ``./NAME`` or ``pool//NAME``. Those names are objects too. A bucket
    cannot answer one name in two forms, so the JSON form of the wheel index has a folder of its own, ``simple-json/``.

    Attributes:
        traits: says how a key is written and served.
        whole: tells by a snapshot's document which apt folders, ending in ``/``, are shown as their upstream made them,
            and which names of files clients of each ask for that are no plain paths.
        extra: whether the server can hold such names.
    """

    traits: Callable[[str], FileTraits]
    whole: Callable[[bytes], Mapping[str, Sequence[str]]]
    extra: bool = True

    def aliases(self, shown: Written) -> dict[str, str]:
        """Return the other names: key → path."""
        if not self.extra:
            return {}
        pages = {path.removesuffix("index.html"): path for path in shown.tree if path.endswith("/index.html")}
        return pages | json_pages(shown.tree) | dict(self._dotted(shown))

    def keys(self, shown: Written) -> dict[str, Digest]:
        """Return all names: key → content."""
        return {**shown.tree, **{alias: shown.tree[path] for alias, path in self.aliases(shown).items()}}

    def withheld(self, shown: Written) -> str:
        """Return in a line which names apt may ask for that the server cannot hold; empty where there are none."""
        flat, whole = _flat(shown.tree), self.whole(shown.extra.get("snapshot.json", b""))
        asked = [f"{one}{whole[one][0] if whole[one] else './NAME'}" for one in whole if whole[one] or one in flat]
        if self.extra or not asked:
            return ""
        return (
            f"apt asks for names that this server cannot hold, {asked[0]} for one, where the index of a repository "
            "mirrored whole says so: have a web server in front of the bucket take ./ and // out of paths "
            "(`folder-pages` "
            "of [site] is false)"
        )

    def _dotted(self, shown: Written) -> Iterator[tuple[str, str]]:
        """Give the names with ``./`` of flat repositories' indexes and whole repositories' packages, and odd ones."""
        flat, whole = _flat(shown.tree), self.whole(shown.extra.get("snapshot.json", b""))
        for folder, names in whole.items():
            for name in names:
                if (path := folder + safe_name(name)) in shown.tree:
                    yield folder + name, path
        for path in shown.tree:
            folders = whole if self.traits(path).rank is Rank.PACKAGE else flat
            if folder := next((one for one in folders if path.startswith(one)), ""):
                yield f"{folder}./{path.removeprefix(folder)}", path


def json_pages(tree: Mapping[str, Digest]) -> dict[str, str]:
    """Return the folder names of the wheel index's JSON pages: key → path."""
    index, found = f"{WHEELS.index_room}/", dict[str, str]()
    for path in tree:
        page = at_home(path)
        if page.startswith(index) and page.endswith("/index.json"):
            folder = path.removesuffix(page)
            found[f"{folder}{SIMPLE_JSON}/{page.removeprefix(index).removesuffix('index.json')}"] = path
    return found


def _flat(tree: Mapping[str, Digest]) -> set[str]:
    """Return the folders of a tree that are flat apt repositories."""
    roots = [path.rpartition("/") for path in tree if path.startswith(f"{APT.room}/") and "/dists/" not in path]
    return {f"{folder}/" for folder, _, name in roots if name in ("InRelease", *APT.signatures)}

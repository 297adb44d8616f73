"""``cudepot export --relink``: a lock of another index that installs from the site, every hash as it was."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from urllib.parse import quote

import tomli_w

from cudepot.catalog.ecosystems import WHEELS
from cudepot.digest import Digest
from cudepot.errors import FormatError, PinError
from cudepot.kinds.wheels.rules.relink import Relinked, relinked

_NAMED = 20  # packages that an error names


def relink(text: str, tree: Mapping[str, Digest], url: str, *, leave: bool) -> tuple[str, Relinked]:
    """Return the lock with the site's URLs, and what became of its packages.

    Args:
        text: a ``uv.lock`` or ``pylock.toml``.
        tree: what the site shows.
        url: where clients see the site, without a slash at the end.
        leave: whether packages that the site lacks stay as they are, those of other platforms for one.

    Raises:
        FormatError: it is neither.
        PinError: the site lacks packages of it, and they are not to be left.
    """
    room = f"{WHEELS.room}/"
    paths = {digest.sha256: quote(path) for path, digest in tree.items() if path.startswith(room)}
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"not TOML: {error}", hint="give a uv.lock or a pylock.toml") from error
    found = relinked(document, paths, url)
    lacking = [*found.lacking, *(f"{one} (from no index)" for one in found.nowhere)]
    if lacking and not leave:
        more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
        raise PinError(
            f"the site lacks {len(lacking)} packages of the lock: {', '.join(lacking[:_NAMED])}{more}",
            hint="pin them or add them to an environment; use --leave-missing if nobody who installs from the "
            "site needs them",
        )
    return tomli_w.dumps(found.document), found

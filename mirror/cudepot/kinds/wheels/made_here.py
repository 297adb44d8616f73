"""Says of an environment without a solution which of the wheels it lacks this site makes, and how to have them in it.

Environments take wheels from indexes alone: NVIDIA's own where it exists. What is made here is on the site's index; who
wants it gives that index the project, so that it is a decision, and the bytes are known before they are locked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.utils import parse_wheel_filename

from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import Lock
from cudepot.depot.builds import ever_built
from cudepot.errors import PinError
from cudepot.store.local import LocalStore


def with_made_here(error: PinError, store: LocalStore, lock: Lock) -> PinError:
    """Return the error, with a hint where it names projects of which this site makes wheels."""
    made = dict(_made(store, lock))
    named = [name for name in made if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", str(error))]
    if not named:
        return error
    told = error.retold(str(error))
    told.hint = (
        f"this site makes {', '.join(f'{name} {made[name]}' for name in named)}: publish it, make an upstream of the "
        f'site\'s own index (`url = "https://SITE/simple/"`), and give it the project: `indexes = {{ {named[0]} = '
        '"UPSTREAM" }`'
    )
    return told


def _made(store: LocalStore, lock: Lock) -> Iterator[tuple[str, str]]:
    for one in ever_built(store, lock):
        if one.kind == ArtifactKind.WHEEL:
            project, version, _, _ = parse_wheel_filename(one.filename)
            yield str(project), str(version)

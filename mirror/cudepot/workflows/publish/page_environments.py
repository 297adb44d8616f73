"""The environments on the site's page: what each holds, and the commands that install it; it needs no script."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator

from cudepot.catalog.ecosystems import ENVIRONMENTS
from cudepot.catalog.lock import Lock, LockedEnvironment
from cudepot.catalog.solution.graph import by_place
from cudepot.digest import Digest
from cudepot.kinds.registry import solves_of

_SITE = "SITE"


def environments(lock: Lock, size: Callable[[Iterable[Digest]], str]) -> Iterator[str]:
    """Give a section for each environment of a lock; ``size`` tells how much some files are."""
    artifacts = by_place(lock.artifacts)
    for one in lock.environments:
        files = [artifacts[each].digest for each in one.places if each in artifacts]
        yield _section(one, f"environment, {len(files)} files, {size(files)}")


def _section(one: LockedEnvironment, told: str) -> str:
    solves = solves_of(one)
    commands = "\n".join(solves.commands(one, _SITE))
    targets = ", ".join(target.name for target in one.targets)
    folder = html.escape(f"{ENVIRONMENTS}/{one.name}/")
    index = html.escape(solves.index(one.name))
    return (
        f"<details><summary>{folder}<small>{html.escape(told)}</small></summary>"
        f"<p>For {html.escape(targets)}. <code>{_SITE}</code> is the address of this page:</p>"
        f"<pre><code>{html.escape(commands)}</code></pre>"
        f'<p><a href="{index}">{index}</a></p></details>'
    )

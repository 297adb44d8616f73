"""What apt clients of the site need, as one of the kinds' ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from cudepot.catalog.lock import Lock
from cudepot.catalog.site.choice import Choice
from cudepot.catalog.site.snapshot import Tree
from cudepot.depot.depot import Depot
from cudepot.digest import Digest
from cudepot.kinds.apt.client import apt_files, keyring_package, preferences
from cudepot.kinds.apt.rules.client_text import keyring_version
from cudepot.kinds.client_held import Hold


class _Configures:
    def files(
        self, depot: Depot, lock: Lock, tree: Tree, names: Sequence[str], url: str, choice: Choice
    ) -> tuple[Mapping[str, bytes], Hold]:
        made = apt_files(depot, tree, lock, names, url=url, choice=choice)
        return made.files | preferences(depot.config.site.label, made.clients, hold_back=False), made.held

    def package(
        self, depot: Depot, files: Mapping[str, bytes], before: Mapping[str, Digest], number: Callable[[], int]
    ) -> Mapping[str, bytes]:
        """Return the keyring package, as `client apt` makes it."""
        make, url = partial(keyring_package, depot, (), files), depot.config.site.reached_at
        for known, digest in before.items():
            if version := keyring_version(known, depot.config.site.label):
                name, data = make(version, url)
                if name == known and Digest.of(data) == digest:
                    return {name: data}
        return dict([make(number(), url)])


CONFIGURES = _Configures()

"""What dnf and yum clients of the site need, as one of the kinds' ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cudepot.catalog.lock import Lock
from cudepot.catalog.site.choice import Choice
from cudepot.catalog.site.snapshot import Tree
from cudepot.depot.depot import Depot
from cudepot.digest import Digest
from cudepot.kinds.client_held import Hold
from cudepot.kinds.yum.client import dnf_files


class _Configures:
    def files(
        self, depot: Depot, lock: Lock, tree: Tree, names: Sequence[str], url: str, choice: Choice
    ) -> tuple[Mapping[str, bytes], Hold]:
        made = dnf_files(depot, tree, lock, names, url=url, choice=choice)
        return made.files, made.held

    def package(
        self,
        depot: Depot,  # noqa: ARG002
        files: Mapping[str, bytes],  # noqa: ARG002
        before: Mapping[str, Digest],  # noqa: ARG002
        number: Callable[[], int],  # noqa: ARG002
    ) -> Mapping[str, bytes]:
        """Return nothing: dnf takes a key from where its repository file says."""
        return {}


CONFIGURES = _Configures()

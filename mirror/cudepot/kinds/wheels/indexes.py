"""What pip, uv and others need to use the site's index and no other one, as one of the kinds' ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import WHEELS
from cudepot.catalog.lock import LockedUpstream
from cudepot.catalog.site.snapshot import Tree
from cudepot.kinds.wheels.rules.client_text import PDM, PIP, UV, client_files

_READ_BY = {PIP: WHEELS.tool, UV: "uv", PDM: "pdm"}


class _Indexes:
    def files(
        self,
        config: Config,
        upstreams: Sequence[LockedUpstream],  # noqa: ARG002
        tree: Tree,
        url: str,
    ) -> tuple[str, Mapping[str, Mapping[str, bytes]]]:
        folder = WHEELS.index_room
        shown = any(path.startswith(f"{folder}/") for path in tree)
        files = client_files(config.site.label, f"{url}/{folder}/") if shown else {}
        return folder, {_program(path): {path: data} for path, data in files.items()}


def _program(path: str) -> str:
    """Return who reads a file: what the profile sets, pipenv and poetry do."""
    return _READ_BY.get(path, "pipenv-poetry")


INDEXES = _Indexes()

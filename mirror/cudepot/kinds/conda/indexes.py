"""What conda, mamba and pixi need to use the site's channel and no other one, as one of the kinds' ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import CONDA
from cudepot.catalog.lock import LockedUpstream
from cudepot.catalog.site.snapshot import Tree
from cudepot.kinds.conda.client import mirrored
from cudepot.kinds.conda.rules.client_text import TOOLS, Seen


class _Indexes:
    def files(
        self, config: Config, upstreams: Sequence[LockedUpstream], tree: Tree, url: str
    ) -> tuple[str, Mapping[str, Mapping[str, bytes]]]:
        folder, alias = f"{CONDA.room}/{config.site.channel}", f"{url}/{CONDA.room}"
        if not any(path.startswith(f"{folder}/") for path in tree):
            return folder, {}
        seen = Seen(config.site.label, url, alias, (f"{url}/{folder}",), mirrored(config, upstreams))
        return folder, {program: make(seen) for program, make in TOOLS.items()}


INDEXES = _Indexes()

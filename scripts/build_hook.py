"""What a wheel has under ``share``: manual pages and completion scripts, made of the command line that it holds."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SharedFiles(BuildHookInterface):  # type: ignore[type-arg]
    """Adds them to a wheel; an editable install has none."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the files, and say where they go."""
        self.folder = Path(tempfile.mkdtemp(prefix="cudepot-share-"))
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "mirror"))
        from cudepot.cli.shared_files import shared_files  # noqa: PLC0415 - what is being built

        for name, data in shared_files().items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            build_data["shared_data"][str(path)] = f"share/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove them."""
        shutil.rmtree(self.folder)

"""Asks the real apt-get what it would install of repositories that are there as indexes only."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

from cudepot.kinds.apt.rules.apt_question import FOLDERS, Question, answer, files
from cudepot.kinds.apt.rules.union import Union


class Apt:
    """The real apt-get, asked over all that repositories have."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)

    def offer(self, union: Union, *, recommends: bool, only: Collection[str] = ()) -> None:
        """Offer all that the repositories have, or packages of some names only."""
        every = [name for offering in union.offerings for index in offering.indexes for name in index.names()]
        union.looked.clear()
        union.looked.update(dict.fromkeys(only or every))
        shutil.rmtree(self.folder / "var/lib/apt/lists")
        (self.folder / "var/lib/apt/lists/partial").mkdir(parents=True)
        shutil.rmtree(self.folder / "var/cache/apt")
        (self.folder / "var/cache/apt/archives/partial").mkdir(parents=True)
        for path, content in files(Question(union, (), (), recommends), str(self.folder)).items():
            (self.folder / path).write_bytes(content)

    def install(self, *specs: str) -> set[tuple[str, str]] | None:
        """Return the names and versions it would install; None where it refuses."""
        environment = {"APT_CONFIG": str(self.folder / "apt.conf"), "PATH": os.defpath, "LC_ALL": "C"}
        command = ["apt-get", "-s", "-y", "install", *specs]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            return None
        return {(name, version) for (name, _), version in answer(done.stdout).items()}

"""An index as the reading gives it, of values alone: who resolves with it reads no network."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence

from packaging.utils import canonicalize_name

from cudepot.errors import CudepotError
from cudepot.formats.simple import IndexFile

ANY = "py3-none-any"
LINUX = "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"
NEW_LINUX = "cp312-cp312-manylinux_2_34_x86_64"
ARM = "cp312-cp312-manylinux_2_17_aarch64"
WINDOWS = "cp312-cp312-win_amd64"
MAC = "cp312-cp312-macosx_11_0_arm64"


class ToyIndex:
    """Projects by name; see :class:`cudepot.kinds.wheels.uv_index.Reader`.

    Attributes:
        errors: what is raised instead of an answer, by project or file name.
        asked: file names whose METADATA was asked for, in order.
    """

    def __init__(self) -> None:
        self._files: dict[str, list[IndexFile]] = {}
        self._metadata: dict[str, bytes] = {}
        self._guard = threading.Lock()
        self.errors: dict[str, CudepotError] = {}
        self.asked: list[str] = []

    def add(
        self, name: str, version: str, *requires: str, tags: Sequence[str] = (ANY,), python: str = "",
        extras: Sequence[str] = (), yanked: bool = False, source: bool = False, hashed: bool = False,
    ) -> None:  # fmt: skip
        """Put the wheels of a version there, one for each of ``tags``.

        ``source``: a source package as well; ``hashed``: the page gives the hash of METADATA.
        """
        plain = name.replace("-", "_")
        names = [f"{plain}-{version}-{one}.whl" for one in tags] + ([f"{plain}-{version}.tar.gz"] if source else [])
        about = [f"Requires-Dist: {one}" for one in requires] + [f"Provides-Extra: {one}" for one in extras]
        text = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *about, ""])
        for one in names:
            known = hashlib.sha256(text.encode()).hexdigest() if hashed else None
            file = IndexFile(
                one, f"https://files.example/{one}", "0" * 64, 1,
                yanked=yanked, requires_python=python, core_metadata=known,
            )  # fmt: skip
            self._files.setdefault(str(canonicalize_name(name)), []).append(file)
            self._metadata[one] = text.encode()

    def files(self, project: str) -> Sequence[IndexFile] | None:
        if project in self.errors:
            raise self.errors[project]
        return self._files.get(project)

    every = files

    def upstream_of(self, project: str) -> str:
        return f"the index of {project[0]}"

    def metadata(self, file: IndexFile) -> bytes:
        with self._guard:
            self.asked.append(file.filename)
        if file.filename in self.errors:
            raise self.errors[file.filename]
        return self._metadata[file.filename]

"""The indexes of PyTorch and NVIDIA, each as far from the public one as it is."""

from __future__ import annotations

import hashlib
from typing import ClassVar
from urllib.parse import quote

from simulator.python_index import File, Listed, PythonIndex, metadata_of, project_of


class PyTorchIndex(PythonIndex):
    """HTML alone, project pages right below the URL, 403 for what is missing, files beside the pages or on R2.

    Attributes:
        stamp: number in a comment that ends each page: its bytes change though no file has come.
    """

    PAGES: ClassVar[str] = "/whl/cu130"
    JSON: ClassVar[bool] = False
    ELSEWHERE: ClassVar[bool] = False

    def __enter__(self) -> PyTorchIndex:
        self.stamp = 1
        self.server.absent = self.files.absent = 403
        return super().__enter__()

    def path_of(self, filename: str, sha256: str) -> str:
        """Return the path of a file: all of one folder, whatever their projects."""
        return f"{self.PAGES}/{filename}"

    def href(self, listed: Listed) -> str:
        """Return a link from the host's root, or to the other host; ``+`` is written ``%2B``."""
        return f"{self.files.url if listed.elsewhere else ''}{quote(listed.path)}"

    def foot(self) -> str:
        """Return the comment that says when a page was made."""
        return f"<!--TIMESTAMP {self.stamp}-->\n"

    def regenerate(self) -> None:
        """Write all pages anew with another time, as its cron job does."""
        self.stamp += 1
        self.rewrite()


def checksummed(file: File) -> bytes:
    """Return what R2 serves as METADATA of some wheels: a line more than the wheel has, so that its hash is wrong."""
    said = metadata_of(file)
    return said + f"Checksum-SHA256: {hashlib.sha256(said).hexdigest()}\n".encode()


class NvidiaIndex(PythonIndex):
    """HTML alone, right below the host, with wheels beside their project's page."""

    PAGES: ClassVar[str] = ""
    JSON: ClassVar[bool] = False
    ELSEWHERE: ClassVar[bool] = False

    def path_of(self, filename: str, sha256: str) -> str:
        """Return the path of a file: in its project's folder."""
        return f"/{project_of(filename)}/{filename}"

    def href(self, listed: Listed) -> str:
        """Return a link that is relative to the page."""
        return quote(listed.filename)

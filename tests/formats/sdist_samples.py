"""Sdists of the forms that are met, made on the spot."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping


def tarred(files: Mapping[str, bytes], *links: tuple[str, str]) -> bytes:
    """Return a ``.tar.gz`` of files and symbolic links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))
        for name, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return gzip.compress(out.getvalue(), mtime=0)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a ``.zip`` of files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def pkg_info(name: str = "tool", version: str = "1.0", summary: str = "A tool.") -> bytes:
    """Return core metadata."""
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {summary}\n\nText.\n".encode()


def stub_files(backend: str = "wheel_stub.buildapi", tool: str = "", top: str = "tool-1.0/") -> dict[str, bytes]:
    """Return the files of a stub as NVIDIA publishes them."""
    text = f'[build-system]\nrequires = ["{backend.partition(".")[0]}"]\nbuild-backend = "{backend}"\n\n{tool}\n'
    return {f"{top}PKG-INFO": pkg_info(), f"{top}pyproject.toml": text.encode()}

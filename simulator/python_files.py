"""Writes small valid wheels and sdists with requirements and extras, for stand-in Python indexes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
from typing import NamedTuple

from simulator.wheels import zip_bytes


class Project(NamedTuple):
    """What METADATA and PKG-INFO say; ``dynamic`` leaves the requirements of an sdist to its build."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    requires_python: str = ""
    dynamic: bool = False

    @property
    def stem(self) -> str:
        """Name and version as file names spell them."""
        return f"{self.name.replace('-', '_')}-{self.version}"


def metadata(project: Project) -> bytes:
    """Return METADATA (version 2.2, which has Dynamic)."""
    lines = ["Metadata-Version: 2.2", f"Name: {project.name}", f"Version: {project.version}"]
    lines += [f"Requires-Python: {project.requires_python}"] if project.requires_python else []
    lines += ["Dynamic: Requires-Dist"] if project.dynamic else [f"Requires-Dist: {one}" for one in project.requires]
    lines += [f"Provides-Extra: {one}" for one in project.extras]
    return ("\n".join(lines) + "\n").encode()


def wheel(project: Project, tag: str = "py3-none-any", *, marker: str = "") -> tuple[str, bytes]:
    """Return file name and bytes of a wheel; ``marker`` makes other bytes of the same name."""
    info, module = f"{project.stem}.dist-info", project.name.replace("-", "_")
    files = {
        f"{module}.py": f"# {marker}\n".encode(),
        f"{info}/METADATA": metadata(project._replace(dynamic=False)),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: stand-in\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    rows = [f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in files.items()]
    files[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    return f"{project.stem}-{tag}.whl", zip_bytes(files)


def sdist(project: Project) -> tuple[str, bytes]:
    """Return file name and bytes of an sdist with PKG-INFO, the same at each call."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        data = metadata(project)
        member = tarfile.TarInfo(f"{project.stem}/PKG-INFO")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return f"{project.stem}.tar.gz", gzip.compress(out.getvalue(), mtime=0)


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()

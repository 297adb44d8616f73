"""Writes small real wheels and sdists: they install, import what they require, and are the same at each call."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import tarfile
from typing import NamedTuple

from packaging.requirements import Requirement

from simulator.wheels import zip_bytes

BACKEND = "tiny-build"
"""The project whose wheel builds the sdists written here; an index has to offer :func:`backend`."""
_BACKEND = '''\
"""Builds a wheel of an sdist's PKG-INFO and modules; it honours SOURCE_DATE_EPOCH, as real backends do."""

import os, pathlib, time, zipfile


def get_requires_for_build_wheel(config_settings=None):
    return []


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    info = pathlib.Path("PKG-INFO").read_text()
    fields = dict(line.split(": ", 1) for line in info.splitlines() if ": " in line)
    stem = fields["Name"].replace("-", "_") + "-" + fields["Version"]
    requires = pathlib.Path("requires.txt")
    if requires.exists():
        info = info.replace("Dynamic: Requires-Dist\\n", requires.read_text())
    files = {str(one): one.read_text() for one in sorted(pathlib.Path().glob("*/*.py"))}
    files[f"{stem}.dist-info/METADATA"] = info
    files[f"{stem}.dist-info/WHEEL"] = (
        "Wheel-Version: 1.0\\nGenerator: tiny-build\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    )
    record = f"{stem}.dist-info/RECORD"
    files[record] = "".join(f"{name},,\\n" for name in [*files, record])
    date = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))[:6]
    name = f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, date), text)
    return name
'''


class Dist(NamedTuple):
    """A version of a project, as METADATA and PKG-INFO say it.

    Attributes:
        name, version: as its author spells them.
        requires, extras, requires_python: Requires-Dist, Provides-Extra and Requires-Python.
        dynamic: an sdist's PKG-INFO leaves the requirements to the build.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    requires_python: str = ""
    dynamic: bool = False

    @property
    def module(self) -> str:
        """Name under which it is imported, and by which its files begin."""
        return module(self.name)

    @property
    def stem(self) -> str:
        """Name and version as file names spell them."""
        return f"{self.module}-{self.version}"


def module(name: str) -> str:
    """Return the name of a project's module."""
    return re.sub(r"[-_.]+", "_", name).lower()


def metadata(dist: Dist) -> bytes:
    """Return METADATA of version 2.2, the first that has Dynamic."""
    lines = ["Metadata-Version: 2.2", f"Name: {dist.name}", f"Version: {dist.version}"]
    lines += [f"Requires-Python: {dist.requires_python}"] if dist.requires_python else []
    lines += ["Dynamic: Requires-Dist"] if dist.dynamic else _requires(dist)
    lines += [f"Provides-Extra: {one}" for one in dist.extras]
    return ("\n".join(lines) + "\n").encode()


def wheel(dist: Dist, tag: str = "py3-none-any", *, marker: str = "", size: int = 0) -> tuple[str, bytes]:
    """Return file name and bytes of a wheel.

    Args:
        tag: of the file name: pythons, ABIs, platforms; each with dots where there are several.
        marker: makes other bytes of the same name.
        size: bytes of a file in it that cannot be compressed, so that reading a part of the wheel pays.
    """
    info = f"{dist.stem}.dist-info"
    files = _module(dist, tag, marker) | ({f"{dist.module}/weights.bin": _noise(dist.stem + tag, size)} if size else {})
    files |= {
        f"{info}/METADATA": metadata(dist._replace(dynamic=False)),
        f"{info}/WHEEL": _wheel_file(tag),
    }
    rows = [f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in files.items()]
    files[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    return f"{dist.stem}-{tag}.whl", zip_bytes(files)


def tiny_wheel(filename: str, *, marker: str = "") -> bytes:
    """Return a wheel of that name that asks for nothing; ``marker`` makes other bytes of it."""
    name, version, *_, python, abi, platform = filename.removesuffix(".whl").split("-")
    return wheel(Dist(name, version), f"{python}-{abi}-{platform}", marker=marker)[1]


def sdist(dist: Dist, *, build_requires: tuple[str, ...] = (BACKEND,)) -> tuple[str, bytes]:
    """Return file name and bytes of an sdist that :func:`backend` builds."""
    build = f'[build-system]\nrequires = {json.dumps(build_requires)}\nbuild-backend = "{module(BACKEND)}"\n'
    files = {"PKG-INFO": metadata(dist), "pyproject.toml": build.encode(), **_module(dist, "sdist", "")}
    if dist.dynamic:
        files["requires.txt"] = "".join(f"{line}\n" for line in _requires(dist)).encode()
    return f"{dist.stem}.tar.gz", tar_gz({f"{dist.stem}/{name}": data for name, data in files.items()})


def backend() -> tuple[str, bytes]:
    """Return file name and bytes of the wheel that builds what :func:`sdist` writes."""
    dist, tag = Dist(BACKEND, "1.0"), "py3-none-any"
    info = f"{dist.stem}.dist-info"
    files = {
        f"{dist.module}.py": _BACKEND.encode(),
        f"{info}/METADATA": metadata(dist),
        f"{info}/WHEEL": _wheel_file(tag),
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]).encode()
    return f"{dist.stem}-{tag}.whl", zip_bytes(files)


def stub(dist: Dist, index_url: str, *, backend: str = "wheel_stub.buildapi") -> tuple[str, bytes]:
    """Return an sdist as NVIDIA puts it on the public index: its build fetches the wheel from ``index_url``.

    Its PKG-INFO is of version 2.4 and says of no field that it is dynamic, so that it seems to require nothing.

    Args:
        backend: ``wheel_stub.buildapi``, or ``nvidia_stub.buildapi`` as it was called up to 2024.
    """
    tool = backend.partition(".")[0]
    build = f'[build-system]\nrequires = ["{tool.replace("_", "-")}"]\nbuild-backend = "{backend}"\n'
    table = f'\n[tool.{tool}]\nindex_url = "{index_url}"\n' if tool == "wheel_stub" else ""
    info = f"Metadata-Version: 2.4\nName: {dist.module}\nVersion: {dist.version}\nDynamic: license-file\n"
    files = {"PKG-INFO": info.encode(), "pyproject.toml": (build + table).encode()}
    return f"{dist.stem}.tar.gz", tar_gz({f"{dist.stem}/{name}": data for name, data in files.items()})


def tar_gz(files: dict[str, bytes]) -> bytes:
    """Return a compressed tar of ``files`` without times."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(out.getvalue(), mtime=0)


def _module(dist: Dist, tag: str, marker: str) -> dict[str, bytes]:
    """Return a package that cannot be imported unless all it always requires can."""
    wanted = [Requirement(one) for one in dist.requires]
    imports = "".join(f"import {module(one.name)}\n" for one in wanted if one.marker is None)
    text = f'{imports}__version__ = "{dist.version}"\nbuilt_for = "{tag}"\n' + (f"# {marker}\n" if marker else "")
    return {f"{dist.module}/__init__.py": text.encode()}


def _requires(dist: Dist) -> list[str]:
    return [f"Requires-Dist: {one}" for one in dist.requires]


def _wheel_file(tag: str) -> bytes:
    pythons, abis, platforms = (part.split(".") for part in tag.split("-"))
    tags = "".join(f"Tag: {py}-{abi}-{platform}\n" for py in pythons for abi in abis for platform in platforms)
    pure = str(platforms == ["any"]).lower()
    return f"Wheel-Version: 1.0\nGenerator: stand-in\nRoot-Is-Purelib: {pure}\n{tags}".encode()


def _noise(seed: str, size: int) -> bytes:
    return hashlib.shake_128(seed.encode()).digest(size)


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()

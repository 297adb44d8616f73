"""cudepot's own wheel, made of what runs: the installed package, or the checkout. The same files give the same bytes.

A wheel that was installed is gone; its files are all there. Formats: PEP 427, core metadata 2.4.
"""

from __future__ import annotations

import base64
import importlib.metadata
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import tomli
from packaging.requirements import Requirement

from cudepot import __version__
from cudepot.data import data_folder, far_folder
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.formats.zip_write import ZipWriter

_PACKAGE = Path(__file__).parents[2]
_DATA = ("recipes", "channel-config", "docs")
_SKIPPED = {"__pycache__", "_data"}
_WHEEL = b"Wheel-Version: 1.0\nGenerator: cudepot\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_INFO = f"cudepot-{__version__}.dist-info"
SHARE = f"cudepot-{__version__}.data/data/share"
"""Where a wheel has what it installs below ``share`` of its prefix (PEP 427)."""


class OwnWheel(NamedTuple):
    """A wheel's file name and bytes, and what cudepot needs to run, `serve` included."""

    name: str
    data: bytes
    requires: tuple[str, ...]


def own_wheel(shared: Mapping[str, bytes] | None = None) -> OwnWheel:
    """Return the wheel; raise ConfigError when what runs is neither installed nor a checkout.

    Args:
        shared: what it installs below ``share`` (manual pages, completion scripts), by path there.
    """
    share = {f"{SHARE}/{name}": data for name, data in (shared or {}).items()}
    members = {**dict(_files()), **_information(), **share}
    record = "".join(_row(name, data) for name, data in sorted(members.items())) + f"{_INFO}/RECORD,,\n"
    out = io.BytesIO()
    writer = ZipWriter(out)
    for name, data in [*sorted(members.items()), (f"{_INFO}/RECORD", record.encode())]:
        writer.deflate(name, [data], most=len(data))
    writer.close()
    needs = tuple(_needed(members[f"{_INFO}/METADATA"].decode()))
    return OwnWheel(f"cudepot-{__version__}-py3-none-any.whl", out.getvalue(), needs)


def _needed(metadata: str) -> Iterator[str]:
    for line in metadata.partition("\n\n")[0].splitlines():
        name, _, text = line.partition(": ")
        if name == "Requires-Dist":
            one = Requirement(text)
            if one.marker is None or one.marker.evaluate({"extra": "serve"}):
                yield f"{one.name}{one.specifier}"


def _row(name: str, data: bytes) -> str:
    found = Digest.of(data)
    text = base64.urlsafe_b64encode(bytes.fromhex(found.sha256)).rstrip(b"=").decode()
    return f"{name},sha256={text},{found.size}\n"


def _files() -> Iterator[tuple[str, bytes]]:
    """Give name and bytes of every file below the two packages; data of a checkout are taken in."""
    for package in (_PACKAGE, far_folder()):
        yield from _below(package, package.name)
    for name in _DATA:
        yield from _below(data_folder(name), f"{_PACKAGE.name}/_data/{name}")


def _below(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not _SKIPPED & set(inside.parts) and path.suffix != ".pyc":
            yield f"{name}/{inside.as_posix()}", path.read_bytes()


def _information() -> dict[str, bytes]:
    """Return what lies in ``dist-info``, but the record."""
    manifest = _PACKAGE.parents[1] / "pyproject.toml"
    found = _of_checkout(manifest) if manifest.is_file() else _of_installed()
    return {f"{_INFO}/{name}": data for name, data in {**found, "WHEEL": _WHEEL}.items()}


def _of_installed() -> dict[str, bytes]:
    try:
        installed = importlib.metadata.distribution("cudepot")
    except importlib.metadata.PackageNotFoundError as error:
        raise ConfigError(
            "cudepot is not installed as a package", hint="run `cudepot kit` from a wheel or a checkout"
        ) from error
    texts = {name: installed.read_text(name) or "" for name in ("METADATA", "entry_points.txt", "licenses/LICENSE")}
    return {name: text.encode() for name, text in texts.items() if text}


def _of_checkout(manifest: Path) -> dict[str, bytes]:
    """Return it as a builder would: what an editable install says may be older than the checkout."""
    project = tomli.loads(manifest.read_text())["project"]
    scripts = "".join(f"{name} = {what}\n" for name, what in project["scripts"].items())
    return {
        "METADATA": _metadata(project, (manifest.parent / project["readme"]).read_text()).encode(),
        "entry_points.txt": f"[console_scripts]\n{scripts}".encode(),
        "licenses/LICENSE": (manifest.parent / "LICENSE").read_bytes(),
    }


def _metadata(project: Mapping[str, Any], readme: str) -> str:
    lines = ["Metadata-Version: 2.4", f"Name: {project['name']}", f"Version: {__version__}"]
    lines += [
        f"Summary: {project['description']}",
        f"License-Expression: {project['license']}",
        "License-File: LICENSE",
    ]
    lines += [f"Keywords: {','.join(project['keywords'])}", *(f"Classifier: {one}" for one in project["classifiers"])]
    lines += [f"Requires-Python: {project['requires-python']}"]
    lines += [f"Requires-Dist: {one}" for one in project["dependencies"]]
    for extra, wanted in project["optional-dependencies"].items():
        lines += [f"Provides-Extra: {extra}", *(f"Requires-Dist: {one}; extra == '{extra}'" for one in wanted)]
    return "\n".join([*lines, "Description-Content-Type: text/markdown", "", readme])

"""Reads source distributions (sdists): what they say of themselves and how they are built; nothing in them is run.

Formats: source distribution format of the Python Packaging User Guide (PEP 517, 625, 643), ``pyproject.toml`` (PEP
518, 621); older forms and archives without a top folder (``cudf_cu12-24.8.3``) are read as well.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from cudepot.errors import FormatError
from cudepot.formats.archive import read_tar
from cudepot.formats.guarded import unpacked_limit
from cudepot.formats.members import Member, Members
from cudepot.formats.zip_read import MAGIC, read_zip

MOST_IN_SDISTS = 200_000
"""Files an sdist may have: those of compilers and of vendored libraries have more than ten thousand."""
_LIMIT = 8 << 30
_MOST_TEXT, _MOST_TEXTS = 4 << 20, 32 << 20
_READ = ("PKG-INFO", "pyproject.toml")
_HOSTILE = "the file may be hostile: do not use it"


@dataclass(frozen=True, slots=True)
class Sdist:
    """What an sdist says of itself.

    Attributes:
        pkg_info: ``PKG-INFO`` of its top folder as packed: core metadata, where ``Dynamic`` or a Metadata-Version
            below 2.2 means that a build may say otherwise. Empty where there is none.
        pyproject: ``pyproject.toml`` of its top folder; empty where there is none.
    """

    pkg_info: bytes
    pyproject: bytes


@dataclass(frozen=True, slots=True)
class BuildSystem:
    """``[build-system]``: what builds an sdist.

    Attributes:
        requires: requirements as written there.
        backend: ``module:object``; the defaults of PEP 517 where nothing is said.
        inside: whether the backend is in the sdist itself (``backend-path``).
    """

    requires: tuple[str, ...]
    backend: str
    inside: bool = False


LEGACY = BuildSystem(("setuptools>=40.8.0",), "setuptools.build_meta:__legacy__")
"""What builds an sdist that does not say (PEP 517)."""


def sdist_members(stream: BinaryIO, *, limit: int = _LIMIT, what: str = "sdist") -> Members:
    """Give the files of an sdist in archive order, tar (under any compression) or zip; ``stream`` is seekable.

    Raises:
        FormatError: see :func:`~cudepot.formats.archive.read_tar` and :func:`~cudepot.formats.zip_read.read_zip`.
    """
    zipped = stream.read(len(MAGIC)) == MAGIC
    stream.seek(0)
    read = read_zip if zipped else read_tar
    return read(stream, limit=limit, what=what, most=MOST_IN_SDISTS)


def read_sdist(stream: BinaryIO, *, limit: int = 0, what: str = "sdist") -> Sdist:
    """Return what an sdist says of itself; ``limit`` is how many bytes it may unpack to, as its size allows without.

    Raises:
        FormatError: damaged, hostile, neither tar nor zip, or texts of more than 4 MiB.
    """
    texts: dict[str, bytes] = {}
    tops: set[str] = set()
    total = 0
    limit = limit or unpacked_limit(stream.seek(0, io.SEEK_END))
    stream.seek(0)
    for member, content in sdist_members(stream, limit=limit, what=what):
        folder, _, rest = member.name.partition("/")
        tops.add(folder if rest else "")
        if content is not None and (rest or folder) in _READ:
            total += member.size
            _check_size(member, total, what)
            texts[member.name] = content.read()
    top = _top(texts, tops)
    return Sdist(*(texts.get(top + name, b"") for name in _READ))


def _check_size(member: Member, total: int, what: str) -> None:
    """Refuse texts that are none: they are kept in memory until it is known which folder is the top one."""
    if member.size > _MOST_TEXT or total > _MOST_TEXTS:
        raise FormatError(f"{what}: {member.name!r} has {member.size} bytes", hint=_HOSTILE)


def _top(texts: Mapping[str, bytes], tops: set[str]) -> str:
    """Return the top folder with its slash, empty where files are outside of any.

    ``x.egg-info/PKG-INFO`` looks like that of a top folder called ``x.egg-info`` where there is no top folder.
    """
    if len(tops) == 1:
        return f"{next(iter(tops))}/".lstrip("/")
    if any(name in texts for name in _READ):
        return ""
    folders = {name.partition("/")[0] for name in texts if not name.partition("/")[0].endswith(".egg-info")}
    return f"{next(iter(folders))}/" if len(folders) == 1 else ""


def build_system(sdist: Sdist, *, what: str = "sdist") -> BuildSystem:
    """Return what builds an sdist.

    Raises:
        FormatError: pyproject.toml is not TOML, or its ``[build-system]`` is not as PEP 517 and 518 have it.
    """
    table = pyproject_of(sdist, what=what).get("build-system")
    if table is None:
        return LEGACY
    requires, backend = (table.get("requires"), table.get("build-backend")) if isinstance(table, dict) else (None, None)
    plain = isinstance(requires, list) and all(isinstance(one, str) for one in requires)
    if not plain or not isinstance(backend, str | None):
        raise FormatError(f"{what}: pyproject.toml says in [build-system] nothing that can be used")
    assert isinstance(requires, list)
    return BuildSystem(tuple(requires), backend or LEGACY.backend, "backend-path" in table)


def pyproject_of(sdist: Sdist, *, what: str = "sdist") -> dict[str, Any]:
    """Return ``pyproject.toml`` as tables, empty where there is none; raise FormatError where it is not TOML."""
    import tomllib  # noqa: PLC0415

    try:
        return tomllib.load(io.BytesIO(sdist.pyproject))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{what}: pyproject.toml is not TOML: {str(error)[:200]}") from error

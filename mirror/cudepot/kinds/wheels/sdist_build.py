"""Unpacks an sdist and has a wheel made of it, in folders that are gone afterwards; knows neither lock nor index."""

from __future__ import annotations

import contextlib
import io
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cudepot.builders.wheel_build import EPOCH, SECONDS, Interpreter, WheelBuild
from cudepot.digest import CHUNK, Digest
from cudepot.errors import BuildError, FormatError
from cudepot.formats.elf import read_elf
from cudepot.formats.guarded import unpacked_limit
from cudepot.formats.library import LibraryInfo
from cudepot.formats.sdist_read import build_system, read_sdist, sdist_members
from cudepot.formats.wheel_read import read_wheel
from cudepot.kinds.wheels.rules.target import Target
from cudepot.store.local import LocalStore
from cudepot.temporary import temporary_folder

_PLATFORMS = {"x86_64": "linux-64", "aarch64": "linux-aarch64", "ppc64le": "linux-ppc64le"}


class Source(NamedTuple):
    """An sdist of the store.

    Attributes:
        filename: for people.
        digest: its content.
    """

    filename: str
    digest: Digest


def this_machine(python: Interpreter) -> Target:
    """Return this machine as a target, its Python exact; raise BuildError where it is none."""
    library, version = platform.libc_ver()
    found = _PLATFORMS.get(platform.machine()) if platform.system() == "Linux" and library == "glibc" else None
    if found is None:
        raise BuildError(
            f"sdists are built on Linux with glibc, and this is {platform.system()} ({platform.machine()})",
            hint="run `cudepot lock` there; machines with the lock and a bundle need no build",
        )
    return Target(found, python.version, version)


def requirements_of(store: LocalStore, source: Source) -> tuple[str, ...]:
    """Return what an sdist says that its build requires; raise FormatError where it cannot be read."""
    with store.open(source.digest) as stream:
        found = read_sdist(stream, what=source.filename)
    return build_system(found, what=source.filename).requires


class Workplace:
    """One build of one sdist by one Python; its folder is gone when the context ends.

    Args:
        store: has the sdist and the wheels, and takes what is made.
        source: the sdist.
        python: what builds.
        seconds: after which each step is ended.
    """

    def __init__(self, store: LocalStore, source: Source, python: Interpreter, *, seconds: float = SECONDS) -> None:
        self._store, self._source, self._python, self._seconds = store, source, python, seconds
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Workplace:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(temporary_folder())
            self._build = WheelBuild(folder, self._python, self._source.filename, seconds=self._seconds)
            with self._store.open(self._source.digest) as stream:
                unpack(stream, self._build.source, self._source)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *about: object) -> None:
        self._stack.close()

    def install(self, wheels: Mapping[str, Digest]) -> None:
        """Put wheels of the store, by file name, into the environment that builds."""
        with contextlib.ExitStack() as stack:
            self._build.install({name: stack.enter_context(self._store.open(one)) for name, one in wheels.items()})

    def requires(self) -> tuple[str, ...]:
        """Return what the backend wants beside; raise BuildError."""
        return self._build.requires()

    def wheel(self) -> tuple[str, Digest]:
        """Return name and content of the wheel that is made, which is in the store; raise BuildError."""
        path = self._build.wheel()
        with path.open("rb") as made:
            return path.name, self._store.add(iter(lambda: made.read(CHUNK), b""))


def build(store: LocalStore, source: Source, python: Interpreter, requires: Mapping[str, Digest]) -> tuple[str, Digest]:
    """Return name and content of the wheel that is built with these wheels of the store; it is there afterwards."""
    with Workplace(store, source, python) as place:
        place.install(requires)
        return place.wheel()


def unpack(stream: BinaryIO, folder: Path, source: Source) -> None:
    """Write the files of an sdist below a folder, its top folder left out; links last, so that nothing goes by them.

    The folders that links are in are made before, so that a link behind another one is in its way.

    Raises:
        FormatError: it cannot be read, or its files are in each other's way.
    """
    links: dict[str, str] = {}
    limit = unpacked_limit(source.digest.size)
    inside = folder.parent / "unpacked"
    inside.mkdir()
    try:
        for member, content in sdist_members(stream, limit=limit, what=source.filename):
            place = inside / member.name
            place.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                links[member.name] = member.link
                continue
            with place.open("xb") as out:
                shutil.copyfileobj(content, out, CHUNK)
            place.chmod(0o755 if member.executable else 0o644)
        for name, target in links.items():
            (inside / name).symlink_to(target)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise FormatError(f"{source.filename}: files overwrite each other: {Path(error.filename).name}") from error
    _settle(inside)
    folder.rmdir()
    _top(inside).rename(folder)


def _settle(folder: Path) -> None:
    """Give everything one date: backends put those of files into the wheel."""
    for place, folders, files in os.walk(folder):
        for name in (*files, *folders):
            os.utime(Path(place, name), (EPOCH, EPOCH), follow_symlinks=False)


def _top(folder: Path) -> Path:
    """Return the top folder of an unpacked sdist; the folder itself where there is none."""
    inside = [one for one in folder.iterdir() if not one.name.startswith("._")]
    if len(inside) == 1 and inside[0].is_dir() and not inside[0].is_symlink():
        return inside[0]
    has = [one for one in inside if one.is_dir() and (one / "PKG-INFO").is_file() and one.suffix != ".egg-info"]
    return has[0] if len(has) == 1 and not (folder / "PKG-INFO").exists() else folder


def files_of(store: LocalStore, digest: Digest, what: str) -> dict[str, str]:
    """Return path → sha256 of a wheel's files; raise FormatError where it is none."""
    with store.open(digest) as stream:
        members = read_wheel(stream, limit=unpacked_limit(digest.size), what=what)
        return {member.name: Digest.of_stream(content).sha256 for member, content in members if content}


def libraries_of(store: LocalStore, digest: Digest, what: str) -> dict[str, LibraryInfo]:
    """Return path → needs of a wheel's compiled files; raise FormatError where it is none."""
    with store.open(digest) as stream:
        return dict(_libraries(stream, digest, what))


def _libraries(stream: BinaryIO, digest: Digest, what: str) -> Iterator[tuple[str, LibraryInfo]]:
    for member, content in read_wheel(stream, limit=unpacked_limit(digest.size), what=what):
        if content is None:
            continue
        data = content.read()
        if data.startswith(b"\x7fELF"):
            yield member.name, read_elf(io.BytesIO(data), what=f"{what}: {member.name}")

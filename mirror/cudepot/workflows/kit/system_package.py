"""A deb of cudepot: an environment of Python below /usr/lib/cudepot, made from wheels, that shares nothing with others.

It is for one version of Python and one architecture, because some of the wheels are. What ``python3 -m venv`` makes is
a link to the interpreter and one small file; both are written here, so that programs cudepot starts find the same.
"""

from __future__ import annotations

import gzip
import posixpath
import zipfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from cudepot import __version__
from cudepot.catalog.lock import LockedTarget
from cudepot.errors import ConfigError, FormatError
from cudepot.formats.deb_write import write_deb
from cudepot.paths import safe_name
from cudepot.workflows.kit.own_wheel import SHARE, OwnWheel

HOME = "usr/lib/cudepot"
_ARCHITECTURES = {"linux-64": "amd64", "linux-aarch64": "arm64", "linux-ppc64le": "ppc64el"}
_SCHEMES = ("purelib", "platlib")
_PROGRAM = b"""\
#!/usr/lib/cudepot/bin/python3 -I
import sys

from cudepot.cli.main import main

sys.exit(main())
"""
_COMPILE = """\
#!/bin/sh
set -e
if [ "$1" = configure ]; then python{python} -m compileall -q /{home}/lib || true; fi
"""
_REMOVE = """\
#!/bin/sh
set -e
find /{home}/lib -depth -name __pycache__ -exec rm -rf {{}} +
"""


def package_name(target: LockedTarget) -> str:
    """Return what the deb of a target is called; raise ConfigError when Debian has no such architecture."""
    fields = dict(target.fields)
    if fields["platform"] not in _ARCHITECTURES:
        raise ConfigError(f"{target.name}: no deb can be made for {fields['platform']}", hint="give --no-debs")
    return f"cudepot_{_version(fields['python'])}_{_ARCHITECTURES[fields['platform']]}.deb"


def _version(python: str) -> str:
    return f"{__version__}+py{python}"


def system_package(target: LockedTarget, wheels: Sequence[Path], own: OwnWheel, epoch: int) -> bytes:
    """Return the deb of one target; equal wheels give equal bytes.

    Args:
        target: platform, Python and glibc it is for.
        wheels: the files of all that cudepot needs.
        own: cudepot's own wheel.
        epoch: time of all files, in seconds since 1970.

    Raises:
        FormatError: a wheel is damaged, or two of them have a file in common.
    """
    fields = dict(target.fields)
    python, architecture = fields["python"], _ARCHITECTURES[fields["platform"]]
    files, programs = _files(wheels, own, f"{HOME}/lib/python{python}/site-packages")
    interpreter = f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n"
    files |= {f"{HOME}/pyvenv.cfg": interpreter.encode(), f"{HOME}/bin/cudepot": _PROGRAM}
    return write_deb(
        _control(_version(python), architecture, python, fields.get("glibc", "")),
        files,
        scripts={
            "postinst": _COMPILE.format(python=python, home=HOME),
            "prerm": _REMOVE.format(home=HOME),
        },
        epoch=epoch,
        links={f"{HOME}/bin/python3": f"/usr/bin/python{python}", "usr/bin/cudepot": "../lib/cudepot/bin/cudepot"},
        programs=frozenset({*programs, f"{HOME}/bin/cudepot"}),
        level=6,
    )


def _control(version: str, architecture: str, python: str, glibc: str) -> dict[str, str]:
    needs = [
        f"python{python}",
        "gpg",
        "gpg-agent",
        "gpgv",
        "ca-certificates",
        "libglib2.0-0",  # for createrepo_c; Debian 13 and Ubuntu 24.04 provide it by another name
        *([f"libc6 (>= {glibc})"] if glibc else []),
    ]
    return {
        "Package": "cudepot",
        "Version": version,
        "Architecture": architecture,
        "Maintainer": "cudepot <cudepot@localhost>",
        "Section": "admin",
        "Priority": "optional",
        "Depends": ", ".join(needs),
        "Description": "bring NVIDIA's packages to pinned, private and offline machines\n"
        f"With all that it needs, for Python {python}; nothing of it is seen by other programs.",
    }


def _files(wheels: Sequence[Path], own: OwnWheel, folder: str) -> tuple[dict[str, bytes], set[str]]:
    """Return what wheels install, by path, and which of it are programs."""
    files: dict[str, bytes] = {}
    programs: set[str] = set()
    sources: list[Path | BytesIO] = [*sorted(wheels), BytesIO(own.data)]
    for source in sources:
        for path, data, runs in _unpacked(source, folder):
            if files.setdefault(path, data) != data:
                raise FormatError(f"{path}: two wheels contain it, with different content")
            programs |= {path} if runs else set()
    return files, programs


def _unpacked(source: Path | BytesIO, folder: str) -> Iterator[tuple[str, bytes, bool]]:
    try:
        with zipfile.ZipFile(source) as archive:
            for info in archive.infolist():
                if info.filename.startswith(f"{SHARE}/"):
                    yield *_shared(info.filename.removeprefix(f"{SHARE}/"), archive.read(info)), False
                elif not info.is_dir():
                    path, runs = _place(safe_name(info.filename), folder)
                    yield path, _own_python(archive.read(info)), runs or bool(info.external_attr >> 16 & 0o111)
    except (zipfile.BadZipFile, OSError) as error:
        raise FormatError(f"{source}: cannot be unpacked: {error}") from error


def _shared(name: str, data: bytes) -> tuple[str, bytes]:
    """Return where Debian looks for a manual page or completion script of cudepot's own, and how it wants it."""
    if name.startswith("man/"):
        return f"usr/share/{name}.gz", gzip.compress(data, 9, mtime=0)
    return f"usr/share/{name.replace('zsh/site-functions/', 'zsh/vendor-completions/')}", data


def _own_python(data: bytes) -> bytes:
    """Return a file; a program that a wheel leaves to whoever installs it gets this environment's Python (PEP 427)."""
    rest = data.removeprefix(b"#!python")
    return (
        data
        if rest == data or rest[:1] not in (b"\n", b"w")
        else f"#!/{HOME}/bin/python3".encode() + rest.removeprefix(b"w")
    )


def _place(name: str, folder: str) -> tuple[str, bool]:
    """Return where a member of a wheel goes, and whether it is a program (PEP 427, spreading)."""
    top, _, rest = name.partition("/")
    if not top.endswith(".data"):
        return posixpath.join(folder, name), False
    scheme, _, inside = rest.partition("/")
    if scheme == "scripts":
        return f"{HOME}/bin/{inside}", True
    if scheme in _SCHEMES:
        return posixpath.join(folder, inside), False
    return f"{HOME}/{scheme}/{inside}" if scheme != "data" else f"{HOME}/{inside}", False

"""What is inside a local-repo installer that is published as it is: read from its index, for the site's page."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.formats.apt import PackageIndex
from cudepot.formats.compression import decompressed
from cudepot.kinds.installer.source import REPOMD, LocalRepo

_LIMIT = 64 << 20  # bytes of an index, packed or not


def is_installer(name: str) -> bool:
    """Return whether a package is called like an installer: ``cudnn-local-repo-…``, ``cuda-repo-…-local``."""
    return {"local", "repo"} <= set(name.split("-"))


def held_by(path: Path, digest: Digest) -> tuple[str, ...]:
    """Return the packages an installer brings, each as ``NAME VERSION``.

    Its index is read, its signature is not checked: the installer is published under its own hash, and clients check
    the signature with the key inside.

    Raises:
        FormatError: it carries no repository, or one that cannot be read.
        TrustError: the file has changed since it was hashed.
    """
    repo = LocalRepo(path, digest.sha256)
    found = tuple(sorted(set(_rpms(repo) if path.suffix == ".rpm" else _debs(repo))))
    if not found:
        raise FormatError(f"{path}: its repository is empty", hint="download it again")
    return found


def _debs(repo: LocalRepo) -> Iterator[str]:
    name = next((one for one in ("Packages", "Packages.gz", "Packages.xz") if repo.has(one)), "Packages")
    index = PackageIndex(_text(repo, name), f"{repo.file}: {name}")
    yield from (f"{one.name} {one.version}" for known in index.names() for one in index.named(known))


def _rpms(repo: LocalRepo) -> Iterator[str]:
    from cudepot.formats.primary import read_primary  # noqa: PLC0415 - where there are rpms
    from cudepot.formats.repomd import parse_repomd  # noqa: PLC0415

    what = f"{repo.file}: {REPOMD}"
    record = parse_repomd(_text(repo, REPOMD), what).record("primary")
    if record is None:
        raise FormatError(f"{what}: names no primary", hint="download it again")
    text = io.BytesIO(_text(repo, record.href))
    yield from (f"{one.name} {one.evr}" for one in read_primary(text, f"{repo.file}: {record.href}"))


def _text(repo: LocalRepo, path: str) -> bytes:
    page = repo.read(path, limit=_LIMIT)
    what = f"{repo.file}: {path}"
    with decompressed(io.BytesIO(page.body if page else b""), what, limit=_LIMIT) as text:
        return text.read()

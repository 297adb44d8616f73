"""What a project's folder has beside site and store: files, links and folders, as a backup keeps them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.site.backup import leads_inside
from cudepot.depot.depot import Depot
from cudepot.disk import storage_errors
from cudepot.errors import ConfigError

FILE, FOLDER = 0o644, 0o755
"""Permissions of a file and of a folder for which a backup names none."""
_PRIVATE = "private-keys-v1.d"


class ProjectFiles(NamedTuple):
    """What there is, by the path below the project.

    Attributes:
        files: where each plain file is.
        modes: permissions of files and folders, where they are not the usual ones.
        links: where each link leads that stays in the project.
        left_out: links that lead elsewhere.
    """

    files: Mapping[str, Path]
    modes: Mapping[str, int]
    links: Mapping[str, str]
    left_out: tuple[str, ...]


def project_files(depot: Depot, *, with_key: bool) -> ProjectFiles:
    """Return what people wrote, and files of the project's own upstreams.

    Raises:
        ConfigError: the private key is wanted and is not there.
        StorageError: a folder cannot be read.
    """
    base, skipped = depot.base, _skipped(depot, with_key=with_key)
    files: dict[str, Path] = {}
    modes: dict[str, int] = {}
    links: dict[str, str] = {}
    with storage_errors(base):
        for path in _walk(base, skipped, with_key=with_key):
            name = str(path.relative_to(base))
            if path.is_symlink():
                links[name] = str(path.readlink())
            elif path.is_dir() or path.is_file():
                mode, usual = path.stat().st_mode & 0o777, FOLDER if path.is_dir() else FILE
                modes |= {name: mode} if mode != usual else {}
                files |= {name: path} if path.is_file() else {}
    inside = {name: target for name, target in links.items() if leads_inside(name, target)}
    return ProjectFiles(files, modes, inside, tuple(sorted(links.keys() - inside.keys())))


def _skipped(depot: Depot, *, with_key: bool) -> set[Path]:
    """Return the folders that are no part of it: site and store, and the keys unless they are wanted."""
    site = depot.config.site
    gnupg = (depot.base / site.gnupg).resolve()
    if with_key and site.origin:
        raise ConfigError(
            "this project shows another machine's site and has no private key", hint="leave --with-key out"
        )
    if with_key and not gnupg.is_relative_to(depot.base):
        raise ConfigError(
            f"{gnupg}: the private key is not in the project's folder",
            hint=f"export it by itself: gpg --homedir {gnupg} --export-secret-keys {site.key}",
        )
    served = site.place.served_folder()
    skipped = {depot.store.root.resolve()} | ({(depot.base / served).resolve()} if served else set())
    return skipped if with_key else skipped | {gnupg}


def _walk(base: Path, skipped: set[Path], *, with_key: bool) -> Iterator[Path]:
    """Give everything below a folder but sockets and the like; no folder with private keys unless they are wanted."""

    def refuse(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(base, onerror=refuse):
        here = Path(folder)
        if (here / _PRIVATE).is_dir() and not with_key:
            folders[:] = []
            continue
        if here != base:
            yield here
        yield from (here / one for one in sorted(folders) if (here / one).is_symlink() and here / one not in skipped)
        folders[:] = sorted(one for one in folders if (here / one).resolve() not in skipped)
        yield from (here / one for one in sorted(names))

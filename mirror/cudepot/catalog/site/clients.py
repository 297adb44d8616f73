"""What a site has for configuring its clients, as ``clients/index.json`` lists it: which files, for whom. Pure.

The page's commands are made from this list, so that they, the files on the site and ``cudepot client`` say the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cudepot.catalog.site_tops import CLIENTS

FOLDER = f"{CLIENTS}/"
INDEX = f"{FOLDER}index.json"
FORMAT = "cudepot-clients 1"
UNKNOWN = "http://site.invalid/"
"""Stands for the site's URL in files that are made where nothing says it; such files are not published."""
SITE, HOST = "@SITE@", "@HOST@"
"""In texts: the site's URL without a slash at its end, and the host of it."""
_KEYS = ("usr/share/keyrings/", "etc/pki/rpm-gpg/")
_SOURCES = ("etc/apt/sources.list.d/", "etc/yum.repos.d/", "etc/zypp/repos.d/")
_REQUIRED = "-environment.pref"
"""End of the preferences without which a client sees more than an environment."""


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """The files for the clients of one distribution or one environment, or for one program as conda or pip is.

    Attributes:
        folder: of the site, in which the files are by their paths on the client; ends in a slash.
        artifact: what is installed, as a lock calls it: ``deb``, ``rpm``, ``conda``, ``wheel``.
        repositories: folders of the site that the client uses.
        environment: whose clients these are; empty for those of a distribution.
        cuda: the CUDA whose versions are held; empty for all that is locked.
        keys: path on the client → sha256 of a key.
        sources: path on the client → text of what has to be there to use the site, with ``@SITE@`` and ``@HOST@``.
        more: paths of files that hold the locked versions.
        package: file name and sha256 of a package that installs keys and sources; empty for none.
        program: which program it is for, where it is for one.
    """

    folder: str
    artifact: str
    repositories: tuple[str, ...]
    environment: str = ""
    cuda: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    more: tuple[str, ...] = ()
    package: tuple[str, ...] = ()
    program: str = ""


def is_key(path: str) -> bool:
    """Return whether a client's file is a key, which says nothing of the site's URL."""
    return path.startswith(_KEYS)


def is_source(path: str) -> bool:
    """Return whether a package manager has to read a client's file before it can install anything."""
    return path.startswith(_SOURCES) or path.endswith(_REQUIRED)


def templated(text: str, url: str) -> str:
    """Return a text with ``@SITE@`` for the site's URL, which ends in a slash, and ``@HOST@`` for a host alone."""
    host = urlsplit(url).hostname or ""
    return text.replace(url, f"{SITE}/").replace(f'origin "{host}"', f'origin "{HOST}"')


def render_clients(clients: Iterable[ClientFiles], url: str) -> bytes:
    """Return the list; ``url`` is what the files on the site call it, empty where nothing says so."""
    table = {"format": FORMAT, "url": url, "clients": [asdict(one) for one in clients]}
    return (json.dumps(table, indent=1, sort_keys=True) + "\n").encode()


def parse_clients(data: bytes) -> tuple[str, tuple[ClientFiles, ...]]:
    """Return URL and files of such a list, which is the site's own; of another format nothing."""
    table: dict[str, Any] = json.loads(data)
    if table["format"] != FORMAT:
        return "", ()
    return table["url"], tuple(_client(one) for one in table["clients"])


def _client(table: Mapping[str, Any]) -> ClientFiles:
    values: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in table.items()}
    return ClientFiles(**values)

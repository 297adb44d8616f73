"""Upstreams of any size for :mod:`bench.scale`: many small packages, many versions, many pins."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from simulator.apt import FlatRepo
from simulator.keys import Key, KeyHome

from bench.measure import cudepot


def project(folder: Path, text: str) -> Path:
    """Return a new project with ``text`` added to its cudepot.toml."""
    folder.mkdir(parents=True)
    cudepot(folder, "init", "--label", "scale")
    toml = folder / "cudepot.toml"
    toml.write_text(toml.read_text() + text)
    return folder


def apt_text(url: str, ring: Path, key: Key, packages: Iterable[str] | None) -> str:
    """Return the settings of a flat apt upstream: whole, or with the pins given."""
    text = f'\n[[upstream]]\nname = "u"\ntype = "apt"\nurl = "{url}"\nkeys = ["{key.fingerprint}"]\n'
    text += f'keyrings = ["{ring}"]\n'
    return text + ("whole = true\n" if packages is None else pins(packages))


def pins(packages: Iterable[str]) -> str:
    """Return one pin on packages of the upstream ``u``."""
    return f'\n[[pin]]\nupstream = "u"\npackages = {json.dumps(list(packages))}\n'


def many_debs(folder: Path, keys: KeyHome, key: Key, count: int) -> None:
    """Publish ``count`` packages of some bytes; a whole mirror does not look into them."""
    made = (_stanza(folder, f"package{number}", "1.0", "", str(number).encode() * 40) for number in range(count))
    _publish(folder, keys, key, made)


def many_versions(folder: Path, keys: KeyHome, key: Key, count: int) -> None:
    """Publish ``count`` versions of a library, and of a program each version of which needs one of these."""
    made = []
    for number in range(count):
        made.append(_stanza(folder, "lib", f"1.{number}", "", b"lib%d" % number))
        made.append(_stanza(folder, "app", f"1.{number}", f"Depends: lib (= 1.{number})\n", b"app%d" % number))
    _publish(folder, keys, key, made)


def _publish(folder: Path, keys: KeyHome, key: Key, stanzas: Iterable[str]) -> None:
    made = list(stanzas)
    repo = FlatRepo(folder, keys, key)
    repo.hashes, repo.stanzas = ("SHA256",), made
    repo.publish()


def _stanza(folder: Path, name: str, version: str, more: str, data: bytes) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    file = f"{name}_{version}_amd64.deb"
    (folder / file).write_bytes(data)
    return (
        f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: scale\n{more}"
        f"Filename: ./{file}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\nDescription: small\n"
    )


def wheel_page(folder: Path, count: int) -> None:
    """Write the page of one project with ``count`` wheels."""
    files = [
        {
            "filename": f"p-1.{number}-py3-none-any.whl",
            "url": f"/files/p-1.{number}-py3-none-any.whl",
            "hashes": {"sha256": hashlib.sha256(str(number).encode()).hexdigest()},
            "size": 9,
        }
        for number in range(count)
    ]
    page = folder / "simple/p/index.json"
    page.parent.mkdir(parents=True)
    page.write_text(json.dumps({"meta": {"api-version": "1.1"}, "name": "p", "files": files}))
    page.with_name("index.html").write_text("<html></html>")

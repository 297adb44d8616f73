"""What rows have in common: changes of an index, packages to offer, reasons to differ from apt."""

from __future__ import annotations

import hashlib
import re

from simulator.debs import Deb, simple_deb
from tests.judge.apt_repo import Change, Odd, sub

OURS = "the site has an index of its own, which clients can read"
MISLABELLED = "the index says what the deb does not: clients would get what nobody asked for"
OTHER = "another build of it\n A package for tests."


def one(repo: Odd, *changes: Change) -> None:
    """Let the index be that of the package, changed."""

    def index(text: bytes) -> bytes:
        for change in changes:
            text = change(text)
        return text

    repo.index = index


def pattern(what: str, new: str) -> Change:
    """Return what replaces a pattern, of which there must be one."""

    def change(text: bytes) -> bytes:
        found, times = re.subn(what.encode(), new.encode(), text)
        assert times, f"{what} is not there: the row would not be odd"
        return found

    return change


def line(text: str) -> Change:
    """Return what puts a line before the description."""
    return sub("Description:", f"{text}\nDescription:")


def text_of(repo: Odd) -> bytes:
    return repo.put(repo.bench.deb).encode()


def only(repo: Odd, name: str, data: bytes) -> None:
    """Serve one form of the index, made by hand; the plain one is named, as apt wants it, and not served."""
    repo.beside = {name: data, "Packages": text_of(repo)}
    repo.after = (repo.root / "Packages").unlink


def hash_of(repo: Odd, kind: str) -> str:
    return hashlib.new(kind, repo.bench.deb.read_bytes(), usedforsecurity=False).hexdigest()


def with_another(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb), repo.put(simple_deb("zebra", "1.0"))]


def tool(repo: Odd, version: str, name: str = "") -> None:
    repo.version = version
    repo.stanzas = [repo.put(simple_deb("tool", version), name)]


def needing(relation: str) -> Deb:
    return simple_deb("tool", "1.0", Depends=relation)


def another() -> Deb:
    return simple_deb("tool", "1.0", Description=OTHER)


def dists(repo: Odd) -> None:
    """Make it a repository with ``dists/``."""
    repo.suite, repo.component = "stable", "main"

"""An apt repository of one package that is made step by step, so that a row of the table can be odd at any of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from simulator.apt import PACK, SECTIONS, stanza
from simulator.apt import listing_of_sums as listing
from simulator.debs import Deb, write_deb
from simulator.keys import Key, KeyHome

Change = Callable[[bytes], bytes]


def sub(old: str | bytes, new: str | bytes, times: int = -1) -> Change:
    """Return what replaces ``old``, which must be there, by ``new``."""
    one, other = (text.encode() if isinstance(text, str) else text for text in (old, new))

    def change(text: bytes) -> bytes:
        assert one in text, f"{one!r} is not there: the row would not be odd"
        return text.replace(one, other, times)

    return change


@dataclass
class Bench:
    """What all rows share: keys, the package, and where its bytes are."""

    keys: KeyHome
    key: Key
    stranger: Key
    deb: Path
    folder: Path


@dataclass
class Odd:
    """A repository in the making; attributes may be changed until :meth:`publish`.

    Attributes:
        bench: what all rows share.
        folder: where it is served from.
        suite: as a source says it: ``/`` for a flat one.
        component: of a ``dists/`` repository, else empty.
        stanzas: of Packages.
        head: fields of the Release before the sums, without ``Date``.
        date: its ``Date``.
        sums: sections of the Release.
        forms: endings of the served Packages; ``listed`` are those its Release names (the same where empty).
        index, release, inrelease, detached: what is done to the bytes of each before they are used further.
        roots: which of ``InRelease``, ``Release`` and ``Release.gpg`` are served.
        signers: who signs; ``digest`` and ``when`` say how.
        beside: further files that the Release names, below the suite's folder.
        wanted: settings of the upstream in cudepot.toml.
        pins: what is pinned, and installed; ``version`` is what has to come.
    """

    bench: Bench
    folder: Path
    suite: str = "/"
    component: str = ""
    stanzas: list[str] = field(default_factory=list)
    head: dict[str, str] = field(default_factory=lambda: {"Origin": "Odd", "Label": "Odd"})
    date: str = field(default_factory=lambda: ago(hours=6))
    sums: tuple[str, ...] = ("MD5Sum", "SHA256")
    forms: tuple[str, ...] = ("", ".gz")
    listed: tuple[str, ...] = ()
    index: Change = bytes
    release: Change = bytes
    inrelease: Change = bytes
    detached: Change = bytes
    roots: tuple[str, ...] = ("InRelease", "Release", "Release.gpg")
    signers: tuple[Key, ...] = ()
    digest: str = "SHA512"
    when: str = ""
    beside: dict[str, bytes] = field(default_factory=dict)
    wanted: dict[str, Any] = field(default_factory=dict)
    package: str = "tool"
    version: str = "1.0"
    pin: str = ""
    architectures: tuple[str, ...] = ("amd64",)
    after: Callable[[], object] = lambda: None

    # where things are

    @property
    def root(self) -> Path:
        """Folder of the Release."""
        return self.folder / self._below

    @property
    def _below(self) -> str:
        return self.suite.strip("/") if self.suite.endswith("/") else f"dists/{self.suite}"

    @property
    def place(self) -> str:
        """Folder of the index below the Release, with a slash at the end where there is one."""
        return f"{self.component}/binary-amd64/" if self.component else ""

    # making it

    def put(self, deb: Path | Deb, name: str = "", *, listed: str = "") -> str:
        """Serve a package as ``name`` and return its stanza, which says ``listed`` of the name."""
        made = self.bench.folder / f"debs-{self.folder.name}"
        made.mkdir(exist_ok=True)
        path = write_deb(deb, made) if isinstance(deb, Deb) else deb
        at = self.folder / (name or path.name)
        at.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, at)
        return stanza(path, listed or name or path.name, ("SHA256",))

    def publish(self) -> None:
        """Write everything as it has been made."""
        self.stanzas = self.stanzas or [self.put(self.bench.deb)]
        text = self.index("\n".join(self.stanzas).encode())
        packed = {f"{self.place}Packages{form}": PACK[form](text) for form in {*self.forms, *self.listed}}
        named = {f"{self.place}Packages{form}" for form in self.listed or self.forms}
        served = {f"{self.place}Packages{form}" for form in self.forms}
        every = {path: packed[path] for path in sorted(named)} | self.beside
        for path, data in {**{path: packed[path] for path in served}, **self.beside}.items():
            self.write(path, data)
        release = self.release(self._release(every))
        for name, data in self._signed(release).items():
            if name in self.roots:
                self.write(name, data)
        self.after()

    def write(self, path: str, data: bytes) -> None:
        """Write a file below the Release's folder."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)

    def _release(self, files: dict[str, bytes]) -> bytes:
        head = self.head | ({"Date": self.date} if self.date else {})
        if self.component:
            head |= {"Components": self.component, "Architectures": "amd64", "Suite": self.suite} | head
        lines = [f"{name}: {text}" for name, text in head.items()]
        return ("\n".join([*lines, *listing(self.sums, files)]) + "\n").encode()

    def _signed(self, release: bytes) -> dict[str, bytes]:
        keys, signers = self.bench.keys, self.signers or (self.bench.key,)
        clear = keys.clearsign(release, *signers, digest=self.digest, when=self.when)
        users = [part for key in signers for part in ("--local-user", key.fingerprint)]
        how = ["--digest-algo", self.digest, "--armor", "--detach-sign"]
        detached = keys.gpg(*users, *how, data=release, when=self.when)
        return {"InRelease": self.inrelease(clear), "Release": release, "Release.gpg": self.detached(detached)}


def ago(**past: float) -> str:
    """Return a time of the past, or with negative values of the future, as a Release has it."""
    return format_datetime(datetime.now(UTC).replace(microsecond=0) - timedelta(**past))


assert {"MD5Sum", "SHA1", "SHA256", "SHA512"} == set(SECTIONS)

"""A cudepot project in a temporary folder, driven through the real command line.

``Project`` writes cudepot.toml against the stand-in NVIDIA, runs ``cudepot`` as a child process, and takes
fingerprints of what must not have changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import cudepot
from simulator.nvidia import Nvidia
from simulator.process import clean_env
from simulator.warm import Warm

DEB = "8.0.5.39-1+cuda11.1"
APT, WHEELS, DOWNLOADS = "ubuntu2004/x86_64", "wheels", "downloads"
_CLI = (sys.executable, "-m", "cudepot.cli.main")

Fingerprint = dict[str, tuple[str, int]]
"""Relative path → (sha256 of the content or target of the link, modification time in ns)."""


class CliError(AssertionError):
    """A verb failed that should not have; the message holds everything it said."""


@dataclass(frozen=True)
class Done:
    """What one run of the command gave."""

    argv: tuple[str, ...]
    rc: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, parsed (for ``--json``)."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one ``error E…:`` line, after checking that it is one and is followed by a hint only."""
        lines = [line for line in self.err.splitlines() if line.startswith("error E")]
        hints = [line for line in self.err.splitlines() if line.startswith("hint: ") and line != "hint: "]
        assert len(lines) == 1, self
        assert len(hints) == 1, self
        assert "Traceback" not in self.err + self.out, self
        return lines[0]

    @property
    def hint(self) -> str:
        """The line that says what to do."""
        return next(line for line in self.err.splitlines() if line.startswith("hint: "))

    def __str__(self) -> str:
        return f"cudepot {shlex.join(self.argv)}: exit {self.rc}\n{self.out}\n{self.err}"


class Project:
    """A project in ``base`` that signs with the key in ``gnupg``.

    Attributes:
        warm: what runs verbs, unless they are to start anew.
        base: folder of cudepot.toml.
        env: environment of the command; ``CUDEPOT_TRIES`` is low so that hopeless transfers end soon.
    """

    warm: ClassVar[Warm | None] = None

    def __init__(self, base: Path, *, key: str, gnupg: Path, label: str = "acme") -> None:
        self.base, self._head = base, f'version = 1\n[site]\nlabel = "{label}"\nkey = "{key}"\ngnupg = "{gnupg}"\n'
        self.sections: list[str] = []
        self.eula: tuple[str, ...] = ()
        path = str(Path(cudepot.__file__).parent.parent)
        self.env = clean_env(PYTHONPATH=path, CUDEPOT_TRIES="2", CUDEPOT_WAIT="0", CUDEPOT_DEBUG="")
        base.mkdir(parents=True, exist_ok=True)
        self.write()

    def init(self) -> Project:
        """Make the store and return the project."""
        self.run("init")
        return self

    # cudepot.toml

    def write(self) -> None:
        """Write cudepot.toml anew."""
        accepted = f"accept-eula = {json.dumps(list(self.eula))}\n"
        self.toml.write_text(accepted + self._head + "\n" + "\n".join(self.sections))

    def add(self, section: str, **values: object) -> None:
        """Append an ``[[upstream]]``, ``[[pin]]`` or another; dashes in keys are written as underscores here."""
        rows = [f"{key.replace('_', '-')} = {_toml(value)}" for key, value in values.items()]
        self.sections.append("\n".join([f"[[{section}]]", *rows, ""]))
        self.write()

    def add_apt(self, nvidia: Nvidia, *packages: str, keys: tuple[str, ...] = (), **pin: object) -> None:
        """Add NVIDIA's apt repository and pin packages of it."""
        pinned = list(keys or (nvidia.key.fingerprint,))
        keyrings = [str(nvidia.key_file)]
        self.add("upstream", name=APT, type="apt", url=nvidia.apt_url, keys=pinned, keyrings=keyrings)
        self.add("pin", upstream=APT, packages=list(packages or (f"libcudnn8-dev={DEB}",)), **pin)

    def add_wheels(self, nvidia: Nvidia, *packages: str, **pin: object) -> None:
        """Add the wheel index and pin packages of it."""
        self.add("upstream", name=WHEELS, type="simple", url=nvidia.simple_url)
        self.add("pin", upstream=WHEELS, packages=list(packages or ("nvidia-cudnn-cu11==8.0.5.39",)), **pin)

    def add_downloads(self, nvidia: Nvidia, *packages: str, recipe: str = "cudnn", **pin: object) -> None:
        """Add the folder of downloaded archives and pin files of it."""
        self.add("upstream", name=DOWNLOADS, type="folder", path=str(nvidia.downloads))
        globs = list(packages or ("cudnn-11.1-linux-x64-v8.0.5.39.tgz",))
        self.add("pin", upstream=DOWNLOADS, packages=globs, recipe=recipe, **pin)

    def accept_eula(self, *texts: bytes) -> None:
        """Accept licence texts."""
        self.eula = (*self.eula, *(hashlib.sha256(text).hexdigest() for text in texts))
        self.write()

    # the command

    def start(self, *argv: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start a verb and return at once."""
        command = [*prefix, *_CLI, argv[0], "-C", str(self.base), *argv[1:]]
        return subprocess.Popen(
            command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def is_cudepots(self, *argv: str) -> bool:
        """Return whether a verb is run by cudepot itself, as all are of a plain project."""
        return True

    def run(self, *argv: str, check: bool = True, prefix: tuple[str, ...] = (), timeout: float = 120) -> Done:
        """Run a verb to its end; raise CliError when it fails and ``check`` is set."""
        if self.warm and not prefix and self.is_cudepots(*argv) and self.warm.takes(self.env):
            done = Done(argv, *self.warm.run([argv[0], "-C", str(self.base), *argv[1:]], self.env, timeout))
        else:
            child = self.start(*argv, prefix=prefix)
            out, err = child.communicate(timeout=timeout)
            done = Done(argv, child.returncode, out, err)
        if check and done.rc:
            raise CliError(str(done))
        return done

    def fail(self, code: int, *argv: str, prefix: tuple[str, ...] = ()) -> Done:
        """Run a verb that must end with exit status ``code`` and one proper error line."""
        done = self.run(*argv, check=False, prefix=prefix)
        assert done.rc == code, done
        assert done.error, done
        return done

    def publish(self) -> None:
        """Run all verbs from ``lock`` to ``publish``."""
        for verb in ("lock", "sync", "repackage", "publish"):
            self.run(verb)

    # what is there

    @property
    def toml(self) -> Path:
        """cudepot.toml."""
        return self.base / "cudepot.toml"

    @property
    def lock(self) -> Path:
        """cudepot.lock."""
        return self.base / "cudepot.lock"

    @property
    def store(self) -> Path:
        """The store's folder."""
        return self.base / "store"

    @property
    def site(self) -> Path:
        """What a web server shows."""
        return self.base / "site" / "current"

    def object(self, data: bytes) -> Path:
        """Return where the store has, or would have, these bytes."""
        name = hashlib.sha256(data).hexdigest()
        return self.store / "objects" / name[:2] / name

    def published(self) -> Fingerprint:
        """Fingerprint what must survive any failure: the lock, the site, and the store's objects and snapshots."""
        names = ("cudepot.lock", "site", "store/objects", "store/snapshots")
        return snapshot_of(*(self.base / name for name in names))

    def object_of(self, sha256: str) -> Path:
        """Return where the store has, or would have, the object of that hash."""
        return self.store / "objects" / sha256[:2] / sha256

    def everything(self) -> Fingerprint:
        """Fingerprint every file of the project."""
        return snapshot_of(self.base)


def _toml(value: object) -> str:
    """Return a value as TOML; tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value)


def snapshot_of(*paths: Path) -> Fingerprint:
    """Fingerprint every file at or below ``paths``; what is not there has none."""
    files = [file for path in paths for file in ([path] if not path.is_dir() else _walk(path))]
    return {str(file): _fingerprint(file) for file in files if os.path.lexists(file)}


def _walk(path: Path) -> list[Path]:
    return sorted(one for one in path.rglob("*") if one.is_symlink() or not one.is_dir())


def _fingerprint(file: Path) -> tuple[str, int]:
    if file.is_symlink():
        return f"-> {file.readlink()}", file.lstat().st_mtime_ns
    return hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns


def same_files(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    """Return whether everything that was there is there unchanged; more may have come."""
    return all(after.get(path) == mark for path, mark in before.items())

"""The two sides of an air gap in tests: a near one that signs, a far one that shows what bundles bring."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Any

from cudepot.workflows.bundle.far_file import NAME, archive
from simulator.apt import FlatRepo
from simulator.debs import Deb, simple_deb, write_deb
from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.pythons import oldest
from simulator.site_key import SiteKey


def deb_of(name: str, version: str = "1.0", size: int = 0) -> Deb:
    """Return a deb that holds ``size`` bytes of noise."""
    deb = simple_deb(name, version)
    if size:
        deb.files["/usr/share/noise"] = random.Random(name).randbytes(size)
    return deb


class Near:
    """A project that mirrors a signed repository of debs, and publishes it to bundles.

    Attributes:
        project: the project.
        repo: the upstream; :meth:`publish` adds debs to it.
        medium: the folder that is carried over.
    """

    def __init__(self, folder: Path, site_key: SiteKey, upstream: tuple[KeyHome, Key], **settings: Any) -> None:
        home, key = upstream
        self.medium, self._debs = folder / "medium", folder / "debs"
        self._debs.mkdir(parents=True)
        self.repo = FlatRepo(folder / "upstream", home, key)
        (folder / "upstream.gpg").write_bytes(key.binary)
        self.project = Project(folder / "near", key=site_key.fingerprint, gnupg=site_key.home).init()
        rings = [str(folder / "upstream.gpg")]
        url = f"{(folder / 'upstream').as_uri()}/"
        self.project.add("upstream", name="up", type="apt", url=url, keys=[key.fingerprint], keyrings=rings, **settings)
        if not settings.get("whole"):
            self.project.add("pin", upstream="up", packages=["*"])

    def publish(self, *debs: Deb) -> None:
        """Let the upstream publish more debs, then publish a snapshot of all."""
        self.add(*debs)
        self.project.publish()

    def add(self, *debs: Deb) -> None:
        """Let the upstream publish more debs."""
        self.repo.add(*(write_deb(one, self._debs) for one in debs))
        self.repo.publish()

    def export(self, name: str, since: int, *options: str) -> list[Path]:
        """Write a bundle onto the medium and return its volumes."""
        self.project.run("bundle", "export", str(self.medium / name), "--since", str(since), *options)
        return sorted(self.medium.glob(f"{name.removesuffix('.tar')}*.tar"))


class Far(Project):
    """A project made with ``init --from-site``; nothing of the near side is at hand but files given to it."""

    def __init__(self, base: Path, key_file: Path, *upstream_keys: str) -> None:
        self._key_file, self._upstream_keys = key_file, upstream_keys
        super().__init__(base, key="", gnupg=base)

    def write(self) -> None:
        """Leave cudepot.toml to ``init``."""

    def init(self) -> Far:
        """Make the project."""
        keys = [word for one in self._upstream_keys for word in ("--upstream-key", one)]
        self.run("init", "--from-site", str(self._key_file), "--label", "acme", *keys)
        return self

    def take(self, *volumes: Path) -> Any:
        """Import volumes and return what ``--json`` says."""
        return self.run("bundle", "import", "--json", *map(str, volumes)).json

    def refuse(self, code: int, *volumes: Path) -> str:
        """Import volumes that must be refused, with nothing shown or lost by it; return the error."""
        before = self.published()
        error = self.fail(code, "bundle", "import", *map(str, volumes)).error
        after = self.published()
        assert all(after.get(path) == mark for path, mark in before.items())
        assert not {path for path in after.keys() - before.keys() if "/objects/" not in path}
        return error


class FarAlone(Far):
    """A far side that has no cudepot: what ``cudepot-far.pyz`` can do it does, on the oldest Python here.

    All other verbs are cudepot's, on the same folder: it has to understand all that the file makes.

    Attributes:
        python: the interpreter.
    """

    def __init__(self, base: Path, key_file: Path, *upstream_keys: str) -> None:
        super().__init__(base, key_file, *upstream_keys)
        self.python, self.file = oldest(), base.with_name(f"{base.name}-medium") / NAME
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_bytes(archive())

    def start(self, *argv: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start a verb and return at once."""
        own = self._own(argv)
        if not own:
            return super().start(*argv, prefix=prefix)
        command = [*prefix, self.python, "-I", "-W", "error", str(self.file), own[0], "-C", str(self.base), *own[1:]]
        env = {name: value for name, value in self.env.items() if not name.startswith("PYTHON")}
        return subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def is_cudepots(self, *argv: str) -> bool:
        """Return whether a verb is one of those that the file has not."""
        return not self._own(argv)

    def _own(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return a command line as the file has it; none where only cudepot can do that."""
        if argv[0] == "init":
            return ("init", *argv[2:])
        verb, rest = (argv[1], argv[2:]) if argv[0] == "bundle" else (argv[0], argv[1:])
        dry = "--dry-run" in rest or "-n" in rest
        return (verb, *rest) if verb in ("import", "missing", "publish", "rollback") and not dry else ()


FARS = (Far, FarAlone)
"""The far sides that have to do alike what bundles ask for."""

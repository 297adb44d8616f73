"""A site that mirrors small NVIDIA repositories, taken through incidents: what must hold whatever happens upstream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simulator.debs import simple_deb, write_deb
from simulator.incidents import IndexIncident, Repository
from simulator.keys import Key, KeyHome
from simulator.project import Done, Project, snapshot_of
from simulator.server import Server
from tests.clients.apt import AptRoot
from tests.clients.http import serve

PINNED = "libcudnn8"
GOOD, NEXT = "8.0.5.39-1+cuda11.1", "8.1.0.77-1+cuda11.2"


class World:
    """A project, the server of its upstreams, and what the site showed when all was well.

    Attributes:
        upstreams: repositories by the name they have in cudepot.toml.
    """

    def __init__(self, project: Project, server: Server, keys: KeyHome, key: Key, folder: Path) -> None:
        self.project, self.server, self.keys, self.key, self.folder = project, server, keys, key, folder
        self.upstreams: dict[str, Repository] = {}
        self.keyring = folder / "nvidia.gpg"
        self.keyring.write_bytes(key.binary)
        self._lock, self._site = b"", snapshot_of()

    def add(self, name: str, *packages: str, **more: object) -> Repository:
        """Add a repository that offers ``libcudnn8``, pinned like ``packages`` beside it."""
        found = Repository(self.server, self.keys, self.key, name)
        self.upstreams[name] = found
        self.offer(name, PINNED, GOOD)
        found.publish_index(9000)
        keys, rings = [self.key.fingerprint], [str(self.keyring)]
        self.project.add("upstream", name=name, type="apt", url=found.url, keys=keys, keyrings=rings, **more)
        self.project.add("pin", upstream=name, packages=[PINNED, *packages])
        return found

    def offer(self, name: str, package: str, version: str, **fields: str) -> Path:
        """Put a package into a repository; publishing is another step."""
        folder = self.folder / "debs" / name
        folder.mkdir(parents=True, exist_ok=True)
        deb = write_deb(simple_deb(package, version, **fields), folder)
        self.upstreams[name].repo.add(deb)
        return deb

    def publish(self) -> None:
        """Publish a site while all is well, and remember it."""
        for verb in ("lock", "sync", "publish"):
            self.project.run(verb)
        self._lock, self._site = self.project.lock.read_bytes(), snapshot_of(self.project.base / "site")

    def refused(self, code: int, *argv: str) -> Done:
        """Lock must fail with ``code`` and leave the lock alone; all other verbs run, and the site stays."""
        done = self.project.fail(code, "lock", "--json", *argv)
        assert self.project.lock.read_bytes() == self._lock
        self.project.run("sync")
        self.project.run("publish")
        self.unharmed()
        return done

    def unharmed(self) -> None:
        """The site is, file by file, what it was when all was well."""
        assert snapshot_of(self.project.base / "site") == self._site

    def fault(self, upstream: str) -> dict[str, Any]:
        """Return the one fault of an upstream that `status` shows, after checking that both forms show it."""
        done = self.project.run("status", "--json").json["faults"]
        found = [one for one in done if one["upstream"] == upstream]
        assert len(found) == 1, done
        line = f"fault: {upstream}: {found[0]['kind']}, since {found[0]['since']}"
        assert line in self.project.run("status").out
        return dict(found[0])

    def healed(self) -> None:
        """With the fault gone, lock takes what is there, and no fault stands."""
        self.server.heal()
        self.project.run("lock")
        self.project.run("sync")
        assert self.project.run("status", "--json").json["faults"] == []

    def installs(self, version: str = GOOD, name: str = "ubuntu2004/x86_64") -> None:
        """A real apt-get installs the package from the site."""
        root = AptRoot(self.folder / "root")
        with serve(self.project.site) as site:
            root.add_source(f"{site.url}/apt/{name}/", self.project.site / "keys/site.gpg", "./")
            root.update()
            root.install(PINNED)
        assert root.version(PINNED) == version


def met(world: World, incident: IndexIncident, told: dict[str, Any]) -> None:
    """The report names the fault of an index incident, with the evidence."""
    repo = world.upstreams[incident.distro]
    fault = world.fault(incident.distro)
    assert (fault["kind"], fault["url"]) == (incident.kind, f"{repo.url}Packages.gz")
    evidence = fault["evidence"]
    assert (evidence["served_size"], evidence["promised_size"]) == (incident.served, incident.declared)
    assert evidence["served_sha256"] != evidence["promised_sha256"]
    assert {"root_date", "last_modified"} <= evidence.keys()
    assert told["failed"][0]["fault"]["kind"] == incident.kind
    error = told["error"]
    assert f"{incident.distro}: {incident.kind}, since {fault['since']}" in error
    assert f"served {incident.served} bytes, sha256 {evidence['served_sha256']}" in error
    assert f"promised {incident.declared} bytes, sha256 {evidence['promised_sha256']}" in error

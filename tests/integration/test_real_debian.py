"""The Debian (or Ubuntu) repository this machine's apt uses: pinned, closed over dependencies, re-signed, installed.

The host is read from apt's configuration at run time and written into no file of the repository.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from simulator.process import run
from tests.clients import http
from tests.clients.apt import AptRoot, DebianSource, host_debian_source
from tests.integration.world import Project

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("debian")]
LIBRARY = "libpng16-16"


@pytest.fixture(scope="module")
def debian() -> DebianSource:
    """The archive of this machine."""
    found = host_debian_source()
    assert found is not None, "apt on this machine is configured with no Debian or Ubuntu archive"
    return found


@pytest.fixture(scope="module")
def published(debian: DebianSource, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A site with ``hello``, a library and all they need."""
    project = Project(tmp_path_factory.mktemp("debian") / "project")
    project.init()
    project.append(_pins(debian))
    project.cudepot("lock")
    project.cudepot("sync")
    project.cudepot("publish")
    return project


def _pins(debian: DebianSource) -> str:
    components = ", ".join(f'"{one}"' for one in debian.components)
    keys = ", ".join(f'"{one}"' for one in _fingerprints(debian.keyring))
    return f"""
[[upstream]]
name = "debian"
type = "apt"
url = "{debian.url}"
suites = ["{debian.suite}"]
components = [{components}]
architectures = ["{debian.arch}"]
keys = [{keys}]
keyrings = ["{debian.keyring}"]

[[pin]]
upstream = "debian"
packages = ["hello", "{LIBRARY}"]
"""


def _fingerprints(keyring: Path) -> list[str]:
    """Return the primary keys of the distribution's own keyring, which came with this machine."""
    listed = run("gpg", "--show-keys", "--with-colons", keyring).stdout.splitlines()
    records = [line.split(":") for line in listed]
    pairs = itertools.pairwise(records)
    return [after[9] for before, after in pairs if before[0] == "pub" and after[0] == "fpr"]


def test_the_closure_is_locked(published: Project) -> None:
    locked = json.loads(published.cudepot("lock", "--json").stdout)
    why = {one["name"]: one["why"] for one in locked["artifacts"]}
    assert why["hello"] == why[LIBRARY] == "pin"
    assert why["libc6"].startswith("needed by")
    assert "zlib1g" in why
    assert not locked["external"]
    assert not locked["written"], "the same root gives the same lock"


def test_apt_get_installs_with_this_site_alone(published: Project, tmp_path: Path) -> None:
    with http.serve(published.site) as site:
        root = AptRoot(tmp_path / "root")
        root.add_source(f"{site.url}/apt/debian/", published.key)
        root.update()
        root.install("hello", LIBRARY)
    for package in ("hello", LIBRARY, "libc6", "zlib1g"):
        assert root.status(package) == "install ok installed"
    assert "Hello, world!" in run(root.file("/usr/bin/hello")).stdout

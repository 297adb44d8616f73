"""The apt sources that cudepot writes, as they are, taken by the real apt-get to every kind of server."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from simulator.apt import DistsRepo, FlatRepo, stanza
from simulator.debs import simple_deb, write_deb
from simulator.keys import Key, KeyHome
from simulator.process import clean_env
from simulator.s3 import S3Server
from tests.clients import web
from tests.clients.apt import AptRoot
from tests.clients.http import serve
from tests.integration.world import Project

KINDS = ["serve", "nginx", "caddy", "moto", pytest.param("radosgw", marks=pytest.mark.lengthy)]
REPO = Path(__file__).parents[2]
PACKAGES = {"pinned": "lib++pin", "flat": "lib++flat", "dists": "lib++dists", "bare": "lib++bare"}
VERSION = "2:1.0~rc1+cuda11.1-1"


def _repositories(folder: Path, keys: KeyHome, key: Key) -> None:
    """Make four: flat to pin from, flat as NVIDIA's is, flat without ``./``, and ``dists/`` with ``./pool``."""
    debs = {name: write_deb(simple_deb(package, VERSION), folder) for name, package in PACKAGES.items()}
    for name in ("pinned", "flat", "bare"):
        flat = FlatRepo(folder / "up" / name, keys, key)
        flat.add(debs[name])
        flat.put(flat.folder / "odd_1%3a1_amd64.deb", write_deb(simple_deb(f"odd-{name}", "1:1"), folder).read_bytes())
        flat.stanzas.append(stanza(folder / f"odd-{name}_1_amd64.deb", "./odd_1%3a1_amd64.deb"))
        if name == "bare":
            flat.stanzas = [one.replace("Filename: ./", "Filename: ") for one in flat.stanzas]
        flat.publish()
    dists = DistsRepo(folder / "up/dists", keys, key)
    dists.add(debs["dists"])
    dists.places = {
        place: [one.replace("Filename: pool", "Filename: ./pool") for one in stanzas]
        for place, stanzas in dists.places.items()
    }
    dists.publish()


def _wishes(url: str, key: Path, fingerprint: str) -> str:
    """Return the sections of cudepot.toml for all of them."""
    more = {
        "pinned": "", "flat": "whole = true\n", "bare": "whole = true\n",
        "dists": 'whole = true\nsuites = ["stable"]\ncomponents = ["main"]\n',
    }  # fmt: skip
    sections = [
        f'[[upstream]]\nname = "{name}"\ntype = "apt"\nurl = "{url}/{name}/"\nkeys = ["{fingerprint}"]\n'
        f'keyrings = ["{key}"]\n{text}'
        for name, text in more.items()
    ]
    return "\n".join([*sections, f'[[pin]]\nupstream = "pinned"\npackages = ["{PACKAGES["pinned"]}", "odd-*"]\n'])


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Callable[[Project], None]], Project]]:
    """Give what makes a project that shows all four repositories where ``place`` says."""
    folder = tmp_path_factory.mktemp("repositories")
    with KeyHome() as keys:
        key = keys.generate("cudatools <cudatools@example.com>")
        (folder / "up.asc").write_bytes(key.armored)
        _repositories(folder, keys, key)

        def made(place: Callable[[Project], None]) -> Project:
            project = Project(tmp_path_factory.mktemp("site") / "project")
            project.init()
            place(project)
            with serve(folder / "up") as site:
                project.append(_wishes(site.url, folder / "up.asc", key.fingerprint))
                for verb in ("lock", "sync", "publish"):
                    project.cudepot(verb)
            return project

        yield made


@pytest.fixture(scope="module")
def on_disk(make: Callable[[Callable[[Project], None]], Project]) -> Project:
    return make(lambda _: None)


@pytest.fixture(scope="module", params=KINDS)
def shown(
    request: pytest.FixtureRequest,
    make: Callable[[Callable[[Project], None]], Project],
    s3_server: Callable[[str], S3Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Project, str]]:
    """The project, and the URL its clients are given."""
    with contextlib.ExitStack() as stack:
        if request.param in ("moto", "radosgw"):
            server = s3_server(request.param)
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            for name, value in server.env.items():
                patch.setenv(name, value)
            bucket = server.bucket()
            yield make(lambda project: project.to_s3(bucket, server.url)), f"{server.url}/{bucket}/pub"
            return
        project, folder = request.getfixturevalue("on_disk"), tmp_path_factory.mktemp(request.param)
        servers = {"serve": lambda: web.serve(project.folder), "nginx": lambda: web.nginx(project.folder, folder),
                   "caddy": lambda: web.caddy(project.folder, folder)}  # fmt: skip
        yield project, stack.enter_context(servers[request.param]())


def _written(project: Project, url: str, *names: str) -> Path:
    """Return the folder that `client apt` writes."""
    output = str(project.folder / "written")
    done = project.cudepot("client", "apt", *names, "--url", url, "--json", "--output", output)
    return Path(json.loads(done.stdout)["folder"])


def _inside(root: AptRoot, text: str) -> None:
    """Write a source into the root; only the place of the key changes, which apt reads from the host's root."""
    file = root.path / "etc/apt/sources.list.d/acme.sources"
    file.write_text(text.replace("Signed-By: /usr", f"Signed-By: {root.path}/usr"))


def test_client_apt(shown: tuple[Project, str], tmp_path: Path) -> None:
    project, url = shown
    clients = _written(project, url, *PACKAGES)
    root = AptRoot(tmp_path / "root")
    (root.path / "usr/share/keyrings").mkdir(parents=True)
    for key in (clients / "usr/share/keyrings").iterdir():
        root.add_file(key, "usr/share/keyrings")
    _inside(root, (clients / "etc/apt/sources.list.d/acme.sources").read_text())
    root.update()
    odd = [f"odd-{name}" for name in ("pinned", "flat", "bare")]
    root.install(*PACKAGES.values(), *odd)
    assert {root.version(one) for one in PACKAGES.values()} == {VERSION}
    assert {root.version(one) for one in odd} == {"1:1"}


def test_what_the_dockerfile_writes(shown: tuple[Project, str], tmp_path: Path) -> None:
    project, url = shown
    text = project.cudepot("export", "dockerfile-ubuntu", "--url", url).stdout
    line = next(one for one in text.split(" && ") if one.startswith("printf") and ".sources" in one)
    command, _, target = line.removesuffix(" \\\n").rpartition(" > ")
    written = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, env=clean_env()).stdout
    assert target.strip() == "/etc/apt/sources.list.d/acme.sources"
    root = AptRoot(tmp_path / "root")
    key = _written(project, url, "pinned") / "usr/share/keyrings/acme.gpg"
    _inside(root, written.replace("/usr/share/keyrings/acme.gpg", str(key)))
    root.update()
    root.install(PACKAGES["pinned"])
    assert shlex.quote(f"{PACKAGES['pinned']}={VERSION}") in text


def test_a_source_by_hand_with_a_dot(shown: tuple[Project, str], tmp_path: Path) -> None:
    """``deb URL ./`` is what many write for a flat repository: all files have that name in a bucket too."""
    project, url = shown
    keys = _written(project, url, *PACKAGES) / "usr/share/keyrings"
    root = AptRoot(tmp_path / "root")
    for name in ("pinned", "flat", "bare"):
        key = keys / ("acme.gpg" if name == "pinned" else f"acme-{name}.gpg")
        root.add_source(f"{url}/apt/{name}/", key, "./", name=name, one_line=True)
    root.update()
    root.install(*(PACKAGES[name] for name in ("pinned", "flat", "bare")))


@pytest.mark.parametrize("place", ["README.md", "docs", "channel-config", "mirror", "recipes"])
def test_nothing_tells_clients_of_a_dot(place: str) -> None:
    files = [REPO / place] if (REPO / place).is_file() else [one for one in (REPO / place).rglob("*") if one.is_file()]
    assert files
    for file in files:
        assert b"Suites: ./" not in file.read_bytes(), file

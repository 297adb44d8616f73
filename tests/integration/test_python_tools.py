"""docs/python.md with the tools it is about: locks of another index, installed from the site alone, and new ones.

That index is on loopback and gone when anything is installed; the site is served as docs/sites.md says.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pip._internal.models.index import PyPI
from simulator.attestations import provenance
from simulator.keys import Key, KeyHome
from simulator.process import ToolError, clean_env, run
from simulator.project import Project
from simulator.python_files import Dist, sdist, wheel
from simulator.python_index import PythonIndex
from tests.clients import web
from tests.clients.python_env import uv
from tests.clients.tls import Authority

import cudepot

DOCS = Path(__file__).parents[2] / "docs" / "python.md"
TOOLS = (
    "poetry==2.5.1", "poetry-plugin-pypi-mirror==0.6.5", "pdm==2.29.4", "pipenv==2026.10.3", "pip-tools==7.6.2",
    "hishel<2",  # pdm 2.29 does not know its 2.0
)  # fmt: skip
DEMO = wheel(Dist("demo", "1.0", ("demo-base>=1",)))
LOCKED = {"demo": "1.0", "demo_base": "1.5"}
"""What the locks say; the site also has newer ones."""
DOCUMENTED = "https://packages.example"
QUIET = {
    "UV_PYTHON_DOWNLOADS": "never", "UV_NO_CACHE": "1", "UV_VENV_CLEAR": "1", "UV_HTTP_RETRIES": "0",
    "PIP_RETRIES": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "POETRY_NO_INTERACTION": "1", "PDM_CHECK_UPDATE": "0",
}  # fmt: skip
NEWER = dict.fromkeys(LOCKED, "2.0")
SYNCS = "uv sync --frozen; uv sync --locked; uv sync"
PYPROJECT = """\
[project]
name = "app"
version = "0.1"
requires-python = ">=3.11"
dependencies = ["demo"]

[tool.poetry]
package-mode = false

[tool.uv]
package = false

[tool.pdm]
distribution = false
"""
ALONE = ("unshare", *(() if os.geteuid() == 0 else ("--map-root-user",)), "--mount", "--net")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.lengthy,
    pytest.mark.xdist_group("python tools"),  # the tools are installed once
]


@dataclass(frozen=True)
class World:
    """A site with what the locks need and more.

    Attributes:
        url: of the site, without a slash at the end.
        public: URL of the index that the locks were made with; nothing answers there.
        locks: their folder.
        tools: folder of the tools' commands, and of cudepot for this site.
        etc: what `cudepot client pip` wrote for /etc.
    """

    project: Project
    url: str
    public: str
    locks: Path
    tools: Path
    etc: Path

    def script(self, home: Path, words: str) -> str:
        """Run a shell's words in ``home/app``, with the environment in ``.venv`` there; return what they print."""
        app = home / "app"
        etc = {"PIP_CONFIG_FILE": f"{self.etc}/pip.conf", "XDG_CONFIG_DIRS": f"{self.etc}/xdg:{self.etc}"}
        path = {"VIRTUAL_ENV": f"{app}/.venv", "PATH": f"{app}/.venv/bin:{self.tools}:{os.environ['PATH']}"}
        words = f". {self.etc}/profile.d/acme-python.sh\n{words.replace(DOCUMENTED, self.url)}"
        return run("sh", "-euc", words, env=clean_env(HOME=str(home), **QUIET, **etc, **path), cwd=app).stdout

    def home(self, folder: Path, *locks: str) -> Path:
        """Make a home with a project in ``app`` that has these locks, and return it."""
        empty_env(folder / "app/.venv")
        for name in ("pyproject.toml", *locks):
            shutil.copy(self.locks / name, folder / "app" / name)
        return folder


def empty_env(path: Path) -> None:
    """Make an environment without pip."""
    run(uv(), "venv", "-q", "--no-config", "--python", sys.executable, path, env=clean_env(**QUIET))


def add_pip(path: Path) -> None:
    """Install pip into an environment, with this machine's own settings."""
    subprocess.run([uv(), "pip", "install", "-q", "--python", path, "pip"], check=True)


def blocks(section: str, language: str = "sh") -> list[str]:
    """Return the blocks of a section of the page."""
    sections = re.split(r"^##? ", DOCS.read_text(), flags=re.MULTILINE)
    (found,) = (one for one in sections if one.startswith(f"{section}\n"))
    return re.findall(rf"```{language}\n(.*?)```", found, re.DOTALL)


def installed(home: Path) -> dict[str, str]:
    """Return the projects of the locks in the environment, with their versions."""
    found = (home / "app/.venv").glob("lib/*/site-packages/demo*.dist-info")
    return dict(one.name.removesuffix(".dist-info").split("-", 1) for one in found)


@pytest.fixture(scope="module")
def world(site_key_master: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder, (home, key) = tmp_path_factory.mktemp("tools"), site_key_master
    tools, locks = folder / "tools/bin", folder / "locks"
    with home.copy() as own:
        project = Project(folder / "project", key=key.fingerprint, gnupg=own.path)
        project.sections.append(f'url = "{DOCUMENTED}"\n')  # then pages name provenance
        install_tools(tools, project.base)
        with PythonIndex(folder / "index") as public, PythonIndex(folder / "other") as other:
            public.offer(DEMO, provenance=provenance(*DEMO))
            public.offer(sdist(Dist("demo", "1.0", ("demo-base>=1",))))
            public.add(Dist("demo-base", "1.5"), source=True)
            public.add(Dist("demo-extra", "1.5"))
            other.add(Dist("demo-extra", "1.5+cu13"))
            make_locks(public.url, locks, tools)
            make_lock_of_two(public.url, other.url, locks)
            public.add(Dist("demo", "2.0", ("demo-base>=1",)))
            public.add(Dist("demo-base", "2.0"))
            project.add("upstream", name="public", type="simple", url=public.url)
            pins = [
                f"{name}=={version}" for one in (LOCKED, NEWER, {"demo-extra": "1.5"}) for name, version in one.items()
            ]
            project.add("pin", upstream="public", packages=pins)
            project.add("upstream", name="other", type="simple", url=other.url)
            project.add("pin", upstream="other", packages=["demo-extra"])
            project.init().publish()
        (folder / "server").mkdir()
        with web.nginx(project.base, folder / "server") as url:
            (client,) = blocks("Python tools and your site")
            run("sh", "-euc", client.replace(DOCUMENTED, url), env=clean_env(PATH=f"{tools}:{os.environ['PATH']}"))
            yield World(project, url, public.url, locks, tools, project.base / "clients/etc")


def install_tools(bin_: Path, project: Path) -> None:
    """Install the tools with this machine's own settings, uv as it is, and cudepot for one project."""
    run(sys.executable, "-m", "venv", "--without-pip", bin_.parent)
    argv = ("pip", "install", "-q", "--python", bin_ / "python", *TOOLS)
    subprocess.run([uv(), *argv], check=True)
    (bin_ / "uv").symlink_to(uv())
    path = Path(cudepot.__file__).parent.parent
    words = f'PYTHONPATH={path} exec {sys.executable} -m cudepot.cli.main "$@" -C {project}'
    (bin_ / "cudepot").write_text(f"#!/bin/sh\n{words}\n")
    (bin_ / "cudepot").chmod(0o755)


def make_locks(index: str, folder: Path, tools: Path) -> None:
    """Let each tool lock the project with an index, as if it were the public one: no lock but uv's names it."""
    empty_env(folder / ".venv")
    source = f'[[source]]\nname = "public"\nurl = "{PyPI.simple_url}"\nverify_ssl = true\n'
    texts = {"pyproject.toml": PYPROJECT, "requirements.in": "demo\n", "Pipfile": f'{source}[packages]\ndemo = "*"\n'}
    for name, text in texts.items():
        (folder / name).write_text(text)
    mirrors = ("UV_DEFAULT_INDEX", "PDM_PYPI_URL", "PIPENV_PYPI_MIRROR", "POETRY_PYPI_MIRROR_URL")
    path = {"VIRTUAL_ENV": f"{folder}/.venv", "PATH": f"{folder}/.venv/bin:{tools}:{os.environ['PATH']}"}
    env = clean_env(
        HOME=str(folder / "home"), PIP_CONFIG_FILE=os.devnull, **QUIET, **path, **dict.fromkeys(mirrors, index)
    )
    for command in (
        "uv lock", "uv export --frozen --no-emit-project --format pylock.toml -o pylock.toml",
        "pdm lock", "poetry lock", "pipenv lock",
        f"pip-compile -i {index} --generate-hashes --no-emit-index-url -o requirements.txt requirements.in",
    ):  # fmt: skip
        run("sh", "-euc", command, env=env, cwd=folder)


def make_lock_of_two(index: str, other: str, folder: Path) -> None:
    """Let uv lock a project that has one of its dependencies from another index."""
    source = '[tool.uv.sources]\ndemo-extra = { index = "other" }\n'
    named = f'[[tool.uv.index]]\nname = "other"\nurl = "{other}"\nexplicit = true\n'
    wanted = PYPROJECT.replace('["demo"]', '["demo", "demo-extra"]')
    (folder / "two").mkdir()
    (folder / "two/pyproject.toml").write_text(f"{wanted}\n{source}\n{named}")
    env = clean_env(HOME=str(folder / "home"), UV_DEFAULT_INDEX=index, **QUIET)
    run(uv(), "lock", "--python", sys.executable, env=env, cwd=folder / "two")


@pytest.mark.parametrize(
    ("section", "lock"),
    [("pip", "requirements.txt"), ("poetry", "poetry.lock"), ("pdm", "pdm.lock"), ("pipenv", "Pipfile.lock"),
     ("pip-tools", "requirements.txt")],
)  # fmt: skip
def test_a_lock_installs_as_it_is(world: World, section: str, lock: str, tmp_path: Path) -> None:
    home = world.home(tmp_path, lock, "Pipfile", "requirements.in")
    if section.startswith("pip"):  # they run the pip in it
        add_pip(home / "app/.venv")
    world.script(home, blocks(section)[0])
    assert installed(home) == LOCKED
    assert (home / "app" / lock).read_bytes() == (world.locks / lock).read_bytes()


def test_uv_goes_to_the_urls_in_its_lock(world: World, tmp_path: Path) -> None:
    """What the page says of uv as it is; once this fails the page can be shorter."""
    home = world.home(tmp_path, "uv.lock")
    with pytest.raises(ToolError, match=re.escape(world.public.partition("/simple")[0].rpartition(":")[0])):
        world.script(home, f"uv sync --frozen --default-index {world.url}/simple/")
    with pytest.raises(ToolError, match="needs to be updated"):
        world.script(home, "uv sync --locked")


def test_uv_installs_what_its_lock_says_by_way_of_requirements(world: World, tmp_path: Path) -> None:
    home = world.home(tmp_path, "uv.lock")
    world.script(home, blocks("uv")[0])
    assert installed(home) == LOCKED
    assert (home / "app/uv.lock").read_bytes() == (world.locks / "uv.lock").read_bytes()


def test_a_relinked_uv_lock_is_an_ordinary_one(world: World, tmp_path: Path) -> None:
    home = world.home(tmp_path, "uv.lock")
    script = blocks("uv")[1]
    assert "uv sync --locked" in script
    more = f"cp uv.lock linked; {SYNCS}; uv run python -c 'import demo'; cmp uv.lock linked"
    world.script(home, script.replace("uv sync --locked", more))
    assert installed(home) == LOCKED


def test_a_lock_of_two_indexes(world: World, tmp_path: Path) -> None:
    home = world.home(tmp_path)
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(world.locks / "two" / name, home / "app" / name)
    relink = blocks("uv")[1].partition("cd ~/app")[0]
    world.script(home, f"{relink}cp uv.lock linked; {SYNCS}; cmp uv.lock linked")
    assert installed(home) == LOCKED | {"demo_extra": "1.5+cu13"}


def test_uv_takes_a_local_version_for_the_public_one(world: World, tmp_path: Path) -> None:
    """What the page says of uv; pip takes what has the hash."""
    home = world.home(tmp_path)
    (wheel,) = world.project.site.glob("wheels/demo_extra-1.5-*.whl")
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (home / "app/locked.txt").write_text(f"demo-extra==1.5 --hash=sha256:{sha256}\n")
    with pytest.raises(ToolError, match=r"demo-extra==1\.5\+cu13"):
        world.script(home, "uv pip sync --require-hashes locked.txt")
    add_pip(home / "app/.venv")
    world.script(home, "pip install --require-hashes -r locked.txt")
    assert installed(home) == {"demo_extra": "1.5"}


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_a_relinked_pylock(world: World, tool: str, tmp_path: Path) -> None:
    home = world.home(tmp_path, "pylock.toml")
    script = blocks("uv")[2]
    if tool == "pip":
        newest = f"{sys.executable} -m pip --python .venv/bin/python"
        script = script.partition("uv venv")[0] + f"{newest} install -r pylock.toml"
    world.script(home, script)
    assert installed(home) == LOCKED


def test_packages_that_the_site_lacks(world: World, tmp_path: Path) -> None:
    home = world.home(tmp_path, "uv.lock")
    lock = home / "app/uv.lock"
    lock.write_text(re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", lock.read_text(), count=2))
    command = f"cudepot export --relink ~/app/uv.lock --url {world.url} -o ~/app/linked.lock"
    with pytest.raises(ToolError, match="the site lacks"):
        world.script(home, command)
    world.script(home, f"{command} --leave-missing")
    assert world.public.partition("/simple")[0].rpartition(":")[0] in (home / "app/linked.lock").read_text()


@pytest.mark.parametrize(
    ("section", "lock", "file", "command", "expected"),
    [
        ("uv", "uv.lock", "pyproject.toml", "rm uv.lock; unset XDG_CONFIG_DIRS; uv sync", NEWER),
        ("poetry", "poetry.lock", "pyproject.toml", "unset POETRY_PYPI_MIRROR_URL; poetry lock; poetry sync", LOCKED),
        ("pipenv", "Pipfile.lock", "Pipfile", "unset PIPENV_PYPI_MIRROR; pipenv update", NEWER),
    ],
)
def test_a_project_that_names_the_site(
    world: World, section: str, lock: str, file: str, command: str, expected: dict[str, str], tmp_path: Path
) -> None:
    home = world.home(tmp_path, lock, "Pipfile")
    (text,) = blocks(section, "toml")
    named, own = text.replace(DOCUMENTED, world.url), (home / "app" / file).read_text()
    own = f"[packages]{own.partition('[packages]')[2]}" if file == "Pipfile" else own
    (home / "app" / file).write_text(f"{own}\n{named}")
    if section == "pipenv":
        add_pip(home / "app/.venv")
    world.script(home, command)
    assert installed(home) == expected


def test_new_requirements_name_no_index(world: World, tmp_path: Path) -> None:
    home = world.home(tmp_path, "requirements.in")
    world.script(home, blocks("pip-tools")[1])
    text = (home / "app/new.txt").read_text()
    assert "demo==2.0" in text
    assert world.url not in text


@pytest.mark.skipif(run(*ALONE, "true", check=False).returncode != 0, reason="namespaces are forbidden here")
def test_the_names_of_another_index_lead_to_the_site(
    world: World, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A lock that names two hosts, as the public index and its file host are two, unchanged, over TLS."""
    home, folder = world.home(tmp_path, "uv.lock"), tmp_path_factory.mktemp("names")
    lock = home / "app/uv.lock"
    text = lock.read_text()
    index, files = world.public.removesuffix("/simple/"), re.findall(r'url = "(http://[^/]+)/packages', text)[0]
    lock.write_text(text.replace(index, "https://index.example").replace(files, "https://files.example"))
    authority = Authority(folder / "ca", "private authority")
    certificate, key = authority.server("index.example", "files.example")
    (server,) = blocks("Nothing changed on clients: the index's names in your DNS", "nginx-names")
    server = server.strip().removeprefix("listen ").rstrip(";")
    for path, ours in (("/etc/ssl/index.pem", certificate), ("/etc/ssl/index.key", key)):
        server = server.replace(path, str(ours))
    command = shlex.join(web.nginx_command(world.project.base, folder, server))
    (folder / "hosts").write_text("127.0.0.1 localhost index.example files.example\n")
    words = f"""
ip link set lo up; mount --bind {folder}/hosts /etc/hosts
{command} & server=$!; trap 'kill $server' EXIT
export SSL_CERT_FILE={authority.file}
until curl -fsS --cacert $SSL_CERT_FILE -o {folder}/probe https://index.example/simple/; do sleep 0.1; done
uv sync --frozen
"""
    env = clean_env(HOME=str(home), PATH=f"{world.tools}:{os.environ['PATH']}", UV_NO_CONFIG="1", **QUIET)
    run(*ALONE, "sh", "-euc", words, env=env, cwd=home / "app")
    assert installed(home) == LOCKED

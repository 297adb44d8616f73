"""Odd wheel indexes through the real pip and uv, and through cudepot: they agree, or the row says why not.

What pip downloads by itself is what has to be on the site, as far as pip on this machine can tell.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from simulator.odd_index import OddIndex
from simulator.process import clean_env, run
from simulator.project import Project
from simulator.python_files import tiny_wheel
from simulator.server import Server
from simulator.site_key import SiteKey
from tests.clients.python_env import uv

PYTHON = f"cp{sys.version_info.major}{sys.version_info.minor}"
_UNSEEN = "uv compiles without a look at the file"
_UV_JSON = "uv refuses a page over one value it does not expect"
_NO_PYTHON = "a pin is for every Python that the site's machines have"
_NO_MACHINE = "a pin is for the site's machines, not for this one"
_CONTRADICTS = "which of two contents is meant nobody can tell"
_PLACEHOLDER = "an empty placeholder is nothing anybody asked for"
_MAJOR = "PEP 629: another major version of the API must be refused"


def w(version: str, platform: str = "any") -> str:
    """Return the name of a wheel."""
    return f"demo-{version}-py3-none-{platform}.whl"


ONE, TWO = w("1.0"), w("2.0")


@dataclass(frozen=True)
class Row:
    """One odd index.

    Attributes:
        pages: writes it.
        takes: the file cudepot locks; empty where it refuses.
        spec: the requirement.
        pip, uv: why the client does otherwise; empty where it has to agree.
    """

    pages: Callable[[OddIndex], None]
    takes: str
    spec: str = "demo"
    pip: str = ""
    uv: str = ""


def links(*names: str, **attributes: str) -> Callable[[OddIndex], None]:
    return lambda index: index.html("demo", *(index.link(one, "sha256", **attributes) for one in names))


def hashed(*hashes: str) -> Callable[[OddIndex], None]:
    return lambda index: index.html("demo", index.link(ONE, *hashes))


def page(text: str, *names: str) -> Callable[[OddIndex], None]:
    """Write a page as it is; FILES stands for the address of the files, HASH for the sha256 of the first name."""

    def write(index: OddIndex) -> None:
        data = [index.put(one) for one in names or (ONE,)]
        files, hash_ = f"{index.server.url}/files", hashlib.sha256(data[0]).hexdigest()
        index.raw("demo", text.replace("FILES", files).replace("HASH", hash_).replace("CAPITALS", hash_.upper()))

    return write


def rows(*files: dict[str, object], **more: object) -> Callable[[OddIndex], None]:
    """Write a JSON page; each file gets its address and sha256 unless it says otherwise."""

    def write(index: OddIndex) -> None:
        made = [{**index.entry(str(one.get("filename", ONE)), "sha256"), **one} for one in files]
        index.json("demo", *made, **more)

    return write


def redirected(index: OddIndex) -> None:
    links(ONE)(index)
    (index.server.root / "simple/demo").rename(index.server.root / "simple/other")
    index.server.redirect("/simple/demo/", f"{index.server.url}/simple/other/")


def sdists(*names: str, wheels: tuple[str, ...] = ()) -> Callable[[OddIndex], None]:
    return lambda index: index.html(
        "demo", *(index.link(one, "sha256", data=b"no archive") for one in names), *(index.link(one) for one in wheels)
    )


def both(index: OddIndex) -> None:
    index.html("demo", index.link(ONE), index.link(ONE, "sha256"))


def contradicting(index: OddIndex) -> None:
    index.html("demo", index.link(ONE, "sha256"), f'<a href="../x/{ONE}#sha256={"0" * 64}">x</a>')


def odd_names(index: OddIndex) -> None:
    names = (
        "demo-x.whl",
        "demo-9.0-any.whl",
        "demo-9-py3-none-any.whl.asc",
        "demo-9-1-2-py3-none-any.whl",
        "demo-9.egg",
    )
    index.html("demo", index.link(ONE), *(index.link(one, data=b"x") for one in names), '<a href="../">up</a>')


ROWS = {
    "html": Row(links(ONE, TWO), TWO),
    "json": Row(rows({}, {"filename": TWO}), TWO),
    "md5 alone": Row(hashed("md5"), ONE),
    "sha1 alone": Row(hashed("sha1"), ONE, uv="uv knows no sha1"),
    "sha512 alone": Row(hashed("sha512"), ONE),
    "no hash": Row(hashed(), ONE),
    "a hash in capitals": Row(page(f'<a href="FILES/{ONE}#sha256=CAPITALS">x</a>'), ONE),
    "egg in the fragment": Row(page(f'<a href="FILES/{ONE}#egg=demo&amp;sha256=HASH">x</a>'), ONE,
                               pip="pip takes what has an egg for a source package"),
    "base": Row(page(f'<base href="FILES/"><a href="{ONE}#sha256=HASH">x</a>'), ONE),
    "two bases": Row(page(f'<base href="FILES/"><base href="/nowhere/"><a href="{ONE}#sha256=HASH">x</a>'), ONE),
    "tags in capitals": Row(page(f"<A HREF='FILES/{ONE}#sha256=HASH'>x</A>"), ONE),
    "no quotes, many lines": Row(page(f"<html><a\n  class=x\n  href=FILES/{ONE}#sha256=HASH\n>x"), ONE),
    "a link in a comment": Row(page(f'<!-- <a href="FILES/{TWO}">x</a> --><a href="FILES/{ONE}">x</a>', ONE, TWO), ONE),
    "a page in Latin-1": Row(page(f'<p title="\xe4"><a href="FILES/{ONE}">x</a>'), ONE),
    "a query": Row(page(f'<a href="FILES/{ONE}?sig=a%2Bb#sha256=HASH">x</a>'), ONE),
    "a percent sign": Row(page('<a href="FILES/demo-1.0%2Blocal-py3-none-any.whl">x</a>', w("1.0+local")),
                          w("1.0+local")),
    "another spelling": Row(links("DeMo-1.0-py3-none-any.whl"), "DeMo-1.0-py3-none-any.whl"),
    "another project's file": Row(links(ONE, "other-9.0-py3-none-any.whl"), ONE),
    "names nobody can read": Row(odd_names, ONE),
    "yanked": Row(lambda index: index.html("demo", index.link(ONE), index.link(TWO, data_yanked="why")), ONE),
    "all yanked": Row(links(ONE, data_yanked="why"), ""),
    "yanked and pinned": Row(links(ONE, data_yanked="why"), ONE, "demo==1.0"),
    "yanked says an empty text": Row(rows({"yanked": ""}), ONE, uv="uv takes an empty reason for one"),
    "yanked in part": Row(rows({"filename": "demo-2.0-py2-none-any.whl", "yanked": True}, {"filename": TWO}), TWO),
    "a pre-release beside a release": Row(links(ONE, w("2.0rc1")), ONE),
    "a pre-release alone": Row(links(w("2.0rc1")), w("2.0rc1")),
    "a pre-release asked for": Row(links(ONE, w("2.0rc1")), w("2.0rc1"), "demo>=2.0rc1"),
    "a post-release": Row(links(ONE, w("1.0.post1")), w("1.0.post1")),
    "exact is not post": Row(links(ONE, w("1.0.post1")), ONE, "demo==1.0"),
    "exact without zeros": Row(links(w("1.0.0")), w("1.0.0"), "demo==1"),
    "exact takes a local version": Row(links(w("1.0+l.1")), w("1.0+l.1"), "demo==1.0"),
    "an epoch": Row(links(TWO, w("1!1.0")), w("1!1.0")),
    "a compatible release": Row(links(w("1.4"), TWO), w("1.4"), "demo~=1.2"),
    "builds": Row(links(ONE, w("1.0-2"), w("1.0-10")), w("1.0-10")),
    "a source package alone": Row(sdists("demo-1.0.tar.gz"), "", uv=_UNSEEN),
    "a source package that is newer": Row(sdists("demo-2.0.tar.gz", wheels=(ONE,)), ONE, uv=_UNSEEN),
    "a placeholder and a stub": Row(sdists("demo-0.0.1.tar.gz", wheels=(w("0.0.0a0"),)), "",
                                    pip=_PLACEHOLDER, uv=_PLACEHOLDER),
    "a placeholder alone": Row(links(w("0.0.0a0")), "", pip=_PLACEHOLDER, uv=_PLACEHOLDER),
    "two links, one with a hash": Row(both, ONE),
    "two links that contradict": Row(contradicting, "", uv=_CONTRADICTS),
    "a newer Python": Row(links(ONE, data_requires_python="&gt;=99"), ONE, pip=_NO_PYTHON, uv=_NO_PYTHON),
    "a Python escaped": Row(links(ONE, data_requires_python="&gt;=3,&lt;9"), ONE),
    "a Python nobody can read": Row(links(ONE, data_requires_python="three"), ONE, uv="uv leaves such a file out"),
    "gpg-sig": Row(links(ONE, data_gpg_sig="true"), ONE),
    "nulls": Row(rows({"size": None, "upload-time": None, "requires-python": None, "gpg-sig": None}), ONE, uv=_UV_JSON),
    "a key nobody knows": Row(rows({"provenance": {"x": [1]}}, versions=["1.0"]), ONE),
    "no hashes at all": Row(rows({"hashes": {}}), ONE),
    "a huge size": Row(rows({"size": 10**30}), ONE, uv=_UV_JSON),
    "a size in words": Row(rows({"size": "big"}), ONE, uv=_UV_JSON),
    "version 1.99 of the API": Row(rows({}, meta={"api-version": "1.99"}), ONE),
    "version 2 of the API": Row(rows({}, meta={"api-version": "2.0"}), "", pip=_MAJOR, uv=_MAJOR),
    "files are no list": Row(lambda index: index.json("demo", files=3), ""),
    "deep JSON": Row(lambda index: (index.json("demo"), index.raw("demo", '{"files":' * 20000, "index.json"))[1], ""),
    "a broken declaration": Row(page(f'<![[<a href="FILES/{ONE}">x</a>'), ""),
    "an empty page": Row(page(""), ""),
    "no page": Row(lambda index: index.html("other"), ""),
    "a redirect": Row(redirected, ONE),
    "for Windows only": Row(links(w("1.0", "win_amd64")), ""),
    "for musl only": Row(links(w("1.0", "musllinux_1_1_x86_64")), ""),
    "for an old glibc": Row(links(w("1.0", "manylinux1_x86_64")), w("1.0", "manylinux1_x86_64")),
    "for a glibc to come": Row(links(w("1.0", "manylinux_9_99_x86_64")), w("1.0", "manylinux_9_99_x86_64"),
                               pip=_NO_MACHINE, uv=_NO_MACHINE),
    "two glibcs in one name": Row(links(w("1.0", "manylinux_2_5_x86_64.manylinux1_x86_64")),
                                  w("1.0", "manylinux_2_5_x86_64.manylinux1_x86_64")),
    "for this Python": Row(links(f"demo-1.0-{PYTHON}-{PYTHON}-manylinux2014_x86_64.whl"),
                           f"demo-1.0-{PYTHON}-{PYTHON}-manylinux2014_x86_64.whl"),
    "a newer version for Windows alone": Row(links(ONE, "demo-2.0-py3-none-win_amd64.whl"), ONE),
}  # fmt: skip


@pytest.fixture
def index(tmp_path: Path) -> Iterator[OddIndex]:
    (tmp_path / "index").mkdir()
    with Server(tmp_path / "index") as server:
        yield OddIndex(server)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store, made once: no row signs anything."""
    base = tmp_path_factory.mktemp("judge") / "project"
    return Project(base, key="A" * 40, gnupg=base).init().base


def _often(number: int, row: Row) -> bool:
    """Return whether a row is among those of every run: all where pip or uv differ, and a third of the others."""
    return bool(row.pip or row.uv) or number % 3 == 0


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=name, marks=() if _often(number, row) else pytest.mark.lengthy)
        for number, (name, row) in enumerate(ROWS.items())
    ],
)
def test_pip_uv_and_cudepot_take_the_same(row: Row, index: OddIndex, template: Path, tmp_path: Path) -> None:
    row.pages(index)
    shutil.copytree(template, tmp_path / "project")
    taken = locked(row.spec, index, Project(tmp_path / "project", key="A" * 40, gnupg=tmp_path))
    assert taken == row.takes
    agreed("pip", downloaded(row.spec, index, tmp_path), taken, row.pip)
    agreed("uv", compiled(row.spec, index), taken.split("-")[1] if taken else "", row.uv)


def agreed(client: str, found: str, taken: str, why: str) -> None:
    """Compare, and make sure that a row gives a reason where there is one to give, and only there."""
    if why:
        assert found != taken, f"{client} agrees now: take the reason out"
    else:
        assert found == taken, f"{client} takes {found or 'nothing'}"


def locked(spec: str, index: OddIndex, project: Project) -> str:
    """Return the file cudepot locks; a refusal has to be a clean one."""
    project.add("upstream", name="wheels", type="simple", url=index.url)
    project.add("pin", upstream="wheels", packages=[spec])
    done = project.run("lock", check=False)
    if done.rc:
        assert done.rc in (4, 5, 6, 10), done
        assert done.error, done
        return ""
    (one,) = tomllib.loads(project.lock.read_text())["artifact"]
    return str(one["filename"])


def downloaded(spec: str, index: OddIndex, tmp_path: Path) -> str:
    """Return the file `pip download` gets; empty where it refuses."""
    argv = (sys.executable, "-m", "pip", "download", "--no-cache-dir", "--no-deps", "-q")
    env = clean_env(PIP_CONFIG_FILE=os.devnull, HOME=str(tmp_path), PIP_DISABLE_PIP_VERSION_CHECK="1")
    run(
        *argv,
        "--only-binary",
        ":all:",
        "--index-url",
        index.url,
        "--dest",
        tmp_path / "got",
        spec,
        env=env,
        check=False,
    )
    return next((one.name for one in (tmp_path / "got").glob("*")), "")


def compiled(spec: str, index: OddIndex) -> str:
    """Return the version `uv pip compile` takes; empty where it refuses."""
    argv = (uv(), "pip", "compile", "-q", "--no-config", "--no-cache", "--no-header", "--no-annotate", "--no-deps")
    env = clean_env(UV_PYTHON_DOWNLOADS="never")
    done = run(
        *argv, "--index-url", index.url, "--python", sys.executable, "-", env=env, stdin=f"{spec}\n", check=False
    )
    found = re.match(r"demo==(\S+)", done.stdout)
    return found[1] if found and not done.returncode else ""


def test_the_site_gives_pip_what_the_index_gave(index: OddIndex, site_key: SiteKey, tmp_path: Path) -> None:
    """One row to the end: what was locked off a page without hashes is what pip gets from the site."""
    index.html("demo", index.link(ONE, "md5"))
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    project.add("upstream", name="wheels", type="simple", url=index.url)
    project.add("pin", upstream="wheels", packages=["demo"])
    project.publish()
    rows = json.loads((project.site / "simple/demo/index.json").read_text())["files"]
    assert [one["filename"] for one in rows] == [ONE]
    assert (project.site / "wheels" / ONE).read_bytes() == tiny_wheel(ONE)

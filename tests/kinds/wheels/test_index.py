"""Wheel indexes as they are found: without sha256, with projects without wheels, withdrawn, under retired names."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulator.faults import Status
from simulator.odd_index import OddIndex
from simulator.project import Project
from simulator.python_files import tiny_wheel
from simulator.server import Server

NAME = "demo-1.0-py3-none-any.whl"
TIME = "2025-08-07T20:46:48.572784Z"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[OddIndex]:
    (tmp_path / "index").mkdir()
    with Server(tmp_path / "index") as server:
        yield OddIndex(server)


def want(project: Project, index: OddIndex, *packages: str, **pin: object) -> None:
    project.sections.clear()
    project.add("upstream", name="wheels", type="simple", url=index.url)
    project.add("pin", upstream="wheels", packages=list(packages), **pin)


def locked(project: Project) -> dict[str, dict[str, Any]]:
    """Return file name → what is locked of it."""
    return {one["filename"]: one for one in tomllib.loads(project.lock.read_text()).get("artifact", [])}


@pytest.mark.parametrize("hashes", [(), ("md5",), ("sha1",), ("sha512",), ("sha384", "md5")])
@pytest.mark.parametrize("form", ["html", "json"])
def test_a_hash_the_index_lacks_is_learnt_by_fetching_once(
    project: Project, index: OddIndex, hashes: tuple[str, ...], form: str
) -> None:
    if form == "html":
        index.html("demo", index.link(NAME, *hashes))
    else:
        index.json("demo", index.entry(NAME, *hashes))
    want(project, index, "demo")
    assert "fetched to compute its sha256" in project.run("lock").err
    data = tiny_wheel(NAME)
    assert locked(project)[NAME]["sha256"] == hashlib.sha256(data).hexdigest()
    assert locked(project)[NAME]["size"] == len(data)
    project.run("sync")
    index.html("other")
    (index.server.root / "simple/demo/index.html").write_text(index.link(NAME, *hashes) + "<!-- changed -->")
    project.run("lock")
    assert index.server.count("/files/*", method="GET") == 1
    project.run("publish")
    assert (project.site / "wheels" / NAME).read_bytes() == data


@pytest.mark.parametrize("name", ["md5", "sha512"])
def test_a_weak_hash_is_checked_all_the_same(project: Project, index: OddIndex, name: str) -> None:
    index.html("demo", index.link(NAME, name))
    index.put(NAME, tiny_wheel(NAME, marker="other"))
    want(project, index, "demo")
    failed = project.fail(5, "lock")
    assert f"{name} is" in failed.error
    assert not locked_or_none(project)


def locked_or_none(project: Project) -> dict[str, dict[str, Any]]:
    return locked(project) if project.lock.exists() else {}


def test_a_hash_in_the_pin_counts_where_the_index_has_none(project: Project, index: OddIndex) -> None:
    index.html("demo", index.link(NAME, "md5"))
    good = hashlib.sha256(tiny_wheel(NAME)).hexdigest()
    want(project, index, "demo")
    project.sections[-1] += f'[pin.sha256]\n"{NAME}" = "{good}"\n'
    project.write()
    project.run("lock")
    assert locked(project)[NAME]["sha256"] == good
    assert index.server.count("/files/*", method="GET") == 0
    index.put(NAME, tiny_wheel(NAME, marker="other"))
    project.fail(5, "sync")


def test_a_link_with_a_hash_wins_and_links_that_differ_are_refused(project: Project, index: OddIndex) -> None:
    index.html("demo", index.link(NAME), index.link(NAME, "sha256"))
    want(project, index, "demo")
    project.run("lock")
    assert index.server.count("/files/*", method="GET") == 0
    other = f'<a href="elsewhere/{NAME}#sha256={"0" * 64}">x</a>'
    index.html("demo", index.link(NAME, "sha256"), other)
    assert "several hashes for one file name" in project.fail(5, "lock").error
    assert NAME in locked(project)


def test_a_page_that_changes_its_mind_about_bytes_without_sha256_is_an_alarm(project: Project, index: OddIndex) -> None:
    index.html("demo", index.link(NAME, "md5"))
    want(project, index, "demo")
    project.run("lock")
    index.html("demo", index.link(NAME, "md5", data=tiny_wheel(NAME, marker="other")))
    assert "now offered with" in project.fail(5, "lock").error


def test_a_server_that_does_not_say_how_long_a_file_is(project: Project, index: OddIndex) -> None:
    index.html("demo", index.link(NAME, "sha256"))
    index.server.fault(f"/files/{NAME}", Status(405, times=1))
    want(project, index, "demo")
    project.run("lock")
    assert locked(project)[NAME]["size"] == len(tiny_wheel(NAME))


def test_all_projects_that_cannot_be_locked_are_named_and_the_others_are_locked(
    project: Project, index: OddIndex
) -> None:
    index.html("demo", index.link(NAME, "sha256"))
    index.html("nvidia-pyindex", index.link("nvidia-pyindex-1.0.9.tar.gz", "sha256", data=b"x"))
    index.html("empty")
    index.html("gone", index.link("gone-1.0-py3-none-any.whl", "sha256", data_yanked="it burns"))
    index.html("windows", index.link("windows-1.0-py3-none-win_amd64.whl", "sha256"))
    index.raw("broken", "<![[")
    index.html("twofold", index.link("twofold-1.0-py3-none-any.whl", "sha256"),
               f'<a href="x/twofold-1.0-py3-none-any.whl#sha256={"1" * 64}">x</a>')  # fmt: skip
    bad = ("nvidia-pyindex", "empty", "gone", "windows", "broken", "twofold", "absent", "demo>7")
    want(project, index, "demo", *bad)
    failed = project.fail(4, "lock")
    assert list(locked(project)) == [NAME]
    for name, reason in {
        "nvidia-pyindex": "only a source package", "empty": "matches no wheel", "gone": "yanked: it burns",
        "windows": "has no wheel for linux-64", "broken": "not an HTML page", "twofold": "several hashes",
        "absent": "HTTP 404", "demo>7": "'demo>7' matches no wheel",
    }.items():  # fmt: skip
        assert reason in failed.error, name
    assert "8 pins cannot be locked" in failed.error
    again = project.fail(4, "lock")
    assert "8 pins" in again.error, "told each time, not only once"
    project.run("sync")
    project.run("publish")
    assert (project.site / "simple/demo/index.html").is_file()


def test_a_page_that_is_down_is_tried_again_and_keeps_nobody_else_waiting_for_good(
    project: Project, index: OddIndex
) -> None:
    for name in ("demo", "other"):
        index.html(name, index.link(f"{name}-1.0-py3-none-any.whl", "sha256"))
    index.server.unavailable("/simple/other/", times=None)
    want(project, index, "demo", "other")
    failed = project.fail(4, "lock")
    assert "HTTP 503" in failed.error
    assert list(locked(project)) == [NAME]
    index.server.heal()
    index.server.unavailable("/simple/other/", times=3)
    project.run("lock", "--wait", "30")
    assert len(locked(project)) == 2


def test_what_was_locked_of_a_project_that_fails_now_stays(project: Project, index: OddIndex) -> None:
    index.html("demo", index.link(NAME, "sha256"))
    index.html("other", index.link("other-1.0-py3-none-any.whl", "sha256"))
    want(project, index, "demo", "other")
    project.run("lock")
    before = project.lock.read_bytes()
    (index.server.root / "simple/other/index.html").unlink()
    assert "HTTP 404" in project.fail(4, "lock").error
    assert locked(project).keys() == {NAME, "other-1.0-py3-none-any.whl"}
    index.html("other", index.link("other-1.0-py3-none-any.whl", "sha256"))
    project.run("lock")
    assert project.lock.read_bytes() == before


def test_a_retired_name_does_not_become_its_placeholder(project: Project, index: OddIndex) -> None:
    held = [index.link("nvidia_cublas_cu13-0.0.0a0-py2.py3-none-any.whl", "sha256"),
            index.link("nvidia_cublas_cu13-0.0.1.tar.gz", "sha256", data=b"sdist")]  # fmt: skip
    index.html("nvidia-cublas-cu13", *held)
    index.html("nvidia-cublas", index.link("nvidia_cublas-13.0.2.14-py3-none-manylinux_2_27_x86_64.whl", "sha256"))
    for pin in ("nvidia-cublas-cu13", "nvidia-cublas-cu13<0.0.1"):
        want(project, index, pin)
        failed = project.fail(6, "lock")
        assert "hint: for CUDA 13 it is called nvidia-cublas" in failed.hint
    assert "0.0.1 has no wheel, only a source package" in project.fail(6, "lock").error or pin.endswith("<0.0.1")
    index.html("nvidia-cublas-cu13", held[0])
    want(project, index, "nvidia-cublas-cu13")
    assert "only placeholders" in project.fail(6, "lock").error
    want(project, index, "nvidia-cufft-cu13")
    assert "for CUDA 13 it is called nvidia-cufft" in project.fail(4, "lock").hint
    want(project, index, "nvidia-cudnm")
    assert "no project of that name" in project.fail(4, "lock").hint
    want(project, index, "nvidia-cublas")  # as the hint says
    project.run("lock")
    want(project, index, "nvidia-cublas-cu13==0.0.0a0")  # whoever asks for it by name gets it
    project.run("lock")


def test_an_unsuffixed_cudnn_is_a_stub_and_the_hint_names_the_real_ones(project: Project, index: OddIndex) -> None:
    index.html("nvidia-cudnn", index.link("nvidia-cudnn-0.0.1.dev5.tar.gz", "sha256", data=b"stub"))
    index.html(
        "nvidia-cudnn-cu12", index.link("nvidia_cudnn_cu12-9.1.0.70-py3-none-manylinux2014_x86_64.whl", "sha256")
    )
    want(project, index, "nvidia-cudnn")
    failed = project.fail(6, "lock")
    assert "nvidia-cudnn-cu12" in failed.hint
    want(project, index, "nvidia-cudnn-cu12")
    project.run("lock")


def test_pre_releases_are_still_taken_where_nothing_else_was_released(project: Project, index: OddIndex) -> None:
    index.html("demo", index.link("demo-2.0rc1-py3-none-any.whl", "sha256"))
    want(project, index, "demo")
    project.run("lock")
    assert list(locked(project)) == ["demo-2.0rc1-py3-none-any.whl"]


def test_an_exact_pin_of_a_withdrawn_wheel_says_so_everywhere(project: Project, index: OddIndex) -> None:
    index.json("demo", index.entry(NAME, "sha256", yanked="wrong headers", size=len(tiny_wheel(NAME))))
    want(project, index, "demo")
    refused = project.fail(6, "lock")
    assert "yanked: wrong headers" in refused.error
    assert "`demo==1.0` pins it anyway" in refused.hint
    want(project, index, "demo==1.0")  # as the hint says
    assert f"{NAME}: withdrawn by its upstream (yanked): wrong headers" in project.run("lock").err
    assert locked(project)[NAME]["yanked"] == "wrong headers"
    project.run("sync")
    project.run("publish")
    assert 'data-yanked="wrong headers"' in (project.site / "simple/demo/index.html").read_text()
    page = json.loads((project.site / "simple/demo/index.json").read_text())
    assert page["files"][0]["yanked"] == "wrong headers"


def test_times_of_upload_are_kept_and_others_get_that_of_their_first_publication(
    project: Project, index: OddIndex
) -> None:
    index.json("demo", index.entry(NAME, "sha256", upload_time=TIME))
    index.html("plain", index.link("plain-1.0-py3-none-any.whl", "sha256"))
    want(project, index, "demo", "plain")
    times = []
    for more in ((), ("demo==1.0",), ("plain==1.0",)):
        want(project, index, "demo", "plain", *more)
        project.run("lock")
        project.run("sync")
        project.run("publish")
        pages = [json.loads((project.site / f"simple/{one}/index.json").read_text()) for one in ("demo", "plain")]
        times.append([page["files"][0]["upload-time"] for page in pages])
    assert times[0][0] == TIME
    assert times[0][1]
    assert times == [times[0]] * 3


def test_a_lock_from_before_times_were_noted_learns_them(project: Project, index: OddIndex) -> None:
    index.json("demo", index.entry(NAME, "sha256", upload_time=TIME))
    want(project, index, "demo")
    project.run("lock")
    now = project.lock.read_text()
    project.lock.write_text("".join(line for line in now.splitlines(keepends=True) if not line.startswith("uploaded")))
    project.run("sync")
    project.run("publish")
    project.run("lock")
    assert project.lock.read_text() == now


def test_the_newest_version_with_wheels_for_every_platform_is_taken_and_said(project: Project, index: OddIndex) -> None:
    names = [f"demo-{version}-py3-none-manylinux2014_{machine}.whl"
             for version, machine in (("1.0", "x86_64"), ("1.0", "aarch64"), ("2.0", "aarch64"))]  # fmt: skip
    index.html("demo", *(index.link(one, "sha256") for one in names))
    want(project, index, "demo", subdirs=["linux-64", "linux-aarch64"])
    assert "demo 2.0 does not have wheels for all of linux-64, linux-aarch64: 1.0 has" in project.run("lock").err
    assert locked(project).keys() == set(names[:2])


@pytest.mark.parametrize(
    ("link", "said"),
    [
        (f"file:///etc/{NAME}#sha256=" + "0" * 64, "only http and https"),
        (f"ftp://127.0.0.1/{NAME}#sha256=" + "0" * 64, "only http and https"),
        (f"https://me:s3cret@127.0.0.1/{NAME}#sha256=" + "0" * 64, "~/.netrc"),
        (f"http://192.0.2.1/{NAME}", "no sha256, and plain http"),
    ],
)
def test_links_that_lead_astray_are_refused(project: Project, index: OddIndex, link: str, said: str) -> None:
    index.html("demo", f'<a href="{link}">{NAME}</a>')
    want(project, index, "demo")
    done = project.run("lock", check=False)
    assert done.rc in (4, 5)
    assert said in done.err
    assert "s3cret" not in done.err


def test_many_pages_are_asked_for_at_once_and_each_is_parsed_once(project: Project, index: OddIndex) -> None:
    for number in range(40):
        index.html(f"p{number}", index.link(f"p{number}-1.0-py3-none-any.whl", "sha256", data_size="500"))
    index.server.delay = 0.2
    want(project, index, *(f"p{number}" for number in range(40)))
    project.run("lock")
    assert len(locked(project)) == 40
    assert index.server.count("/simple/*") == 40


def test_an_index_as_pytorchs_is_locked_and_published(project: Project, index: OddIndex) -> None:
    """HTML only, pages right below the URL, links from the host's root, ``%2B``, no hash for one, 403 for the rest."""
    torch, helper = "torch-2.9.1+cu130-cp312-cp312-manylinux_2_28_x86_64.whl", NAME
    sha256 = hashlib.sha256(index.put(torch)).hexdigest()
    index.put(helper)
    quoted = torch.replace("+", "%2B")
    folder = index.server.root / "whl" / "cu130"
    for name, link in (("torch", f"/files/{quoted}#sha256={sha256}"), ("demo", f"{index.server.url}/files/{helper}")):
        (folder / name).mkdir(parents=True)
        (folder / name / "index.html").write_text(f'<!DOCTYPE html><html><body><a href="{link}">x</a></body></html>')
    index.server.fault("/whl/cu130/numpy/", Status(403))
    project.sections.clear()
    project.add("upstream", name="torch-cu130", type="simple", url=f"{index.server.url}/whl/cu130/")
    project.add("pin", upstream="torch-cu130", packages=["torch==2.9.1", "demo", "numpy"])
    failed = project.fail(4, "lock")
    assert "numpy" in failed.error
    assert "no project of that name" in failed.err
    assert locked(project)[torch]["version"] == "2.9.1+cu130"
    assert locked(project)[helper]["size"] == len(tiny_wheel(helper))
    project.run("sync")
    project.run("publish", "--keep-last")
    assert f"{quoted}#sha256={sha256}" in (project.site / "simple/torch/index.html").read_text()

"""Projects with sdists alone that ``build`` names: a wheel is made of each, offline, with what the lock has."""

from __future__ import annotations

from simulator.project import Project
from simulator.python_files import BACKEND, Dist, backend, sdist
from simulator.python_index import PythonIndex
from tests.environments.locked import files, refused, versions, want
from tests.isolation import isolated

pytestmark = isolated


def offer(index: PythonIndex, *, dynamic: bool = False) -> None:
    index.offer(backend())
    index.add(Dist("cp-b", "1.0"))
    index.add_source(Dist("cp-src", "1.0", ("cp-b",), dynamic=dynamic))
    index.add(Dist("cp-app", "1.0", ("cp-src",)))


def test_a_wheel_is_made_and_published_and_its_build_backend_is_not(plain: Project, index: PythonIndex) -> None:
    offer(index, dynamic=True)
    want(plain, "cp-app", build=["cp-src"])
    for verb in ("lock", "sync", "publish"):
        plain.run(verb)
    assert versions(plain) == {"cp_app": "1.0", "cp_b": "1.0", "cp_src": "1.0"}
    (made,) = plain.site.glob("wheels/cp_src-1.0*.whl")
    assert made.name in files(plain)
    assert not list(plain.site.rglob("*.tar.gz"))
    assert not list(plain.site.glob(f"wheels/{BACKEND.replace('-', '_')}*"))


def test_the_same_wheel_is_made_in_another_place(plain: Project, index: PythonIndex, other_project: Project) -> None:
    offer(index)
    other_project.add("upstream", name="pypi", type="simple", url=index.url)
    for project in (plain, other_project):
        want(project, "cp-app", build=["cp-src"])
        project.run("lock")
    assert plain.lock.read_bytes() == other_project.lock.read_bytes()


def test_it_is_made_once(plain: Project, index: PythonIndex) -> None:
    offer(index)
    want(plain, "cp-app", build=["cp-src"])
    for verb in ("lock", "sync", "publish"):
        plain.run(verb)
    index.forget()
    plain.run("lock")
    assert not index.files.requests


def test_a_build_that_needs_what_no_index_has_says_so(plain: Project, index: PythonIndex) -> None:
    index.offer(sdist(Dist("cp-src", "1.0"), build_requires=("cp-nowhere",)))
    want(plain, "cp-src", build=["cp-src"])
    said = refused(plain, 6, "lock").err
    assert "cp-nowhere" in said
    assert "cp_src-1.0.tar.gz" in said

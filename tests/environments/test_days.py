"""An environment on the days after: nothing new, something newer, something gone, something broken."""

from __future__ import annotations

import pytest
from simulator.ml_team import PLATFORMS, TORCH, MlTeam, compiled
from simulator.project import Project
from simulator.python_files import Dist
from tests.environments.locked import document, files, refused, versions, want

OWNED = {"torch": TORCH}
MARKUP = "markupsafe-3.0.3-cp312-cp312-manylinux_2_28_x86_64.whl"


@pytest.fixture
def published(ours: Project, team: MlTeam) -> Project:
    """A project whose site shows the environment."""
    want(ours, "torch", "transformers", indexes=OWNED)
    for verb in ("lock", "sync", "publish"):
        ours.run(verb)
    team.forget()
    return ours


@pytest.mark.parametrize("verb", [("lock",), ("sync", "--lock")], ids=" ".join)
def test_nothing_new_asks_for_no_file_and_changes_nothing(
    published: Project, team: MlTeam, verb: tuple[str, ...]
) -> None:
    before = published.published()
    published.run(*verb)
    assert published.published() == before
    assert team.files_asked() == []
    assert not team.pypi.files.requests, "no METADATA either"


def test_a_page_made_anew_is_nothing_new(published: Project, team: MlTeam) -> None:
    team.pytorch.regenerate()
    before = published.lock.read_bytes()
    published.run("lock")
    assert published.lock.read_bytes() == before
    assert team.files_asked() == []


def test_what_is_newer_is_taken_when_it_is_asked_for(published: Project, team: MlTeam) -> None:
    team.pypi.add(Dist("numpy", "2.4.0", requires_python=">=3.11"), *compiled(*PLATFORMS))
    team.pypi.add(Dist("fsspec", "2026.1.0"))
    published.run("lock")
    assert versions(published)["numpy"] == "2.3.5"
    published.run("lock", "--upgrade", "numpy")
    assert (versions(published)["numpy"], versions(published)["fsspec"]) == ("2.4.0", "2025.12.0")
    published.run("lock", "--upgrade")
    assert versions(published)["fsspec"] == "2026.1.0"
    for verb in ("sync", "publish", "verify"):
        published.run(verb)


def test_what_is_asked_anew_leaves_the_rest_where_it_was(published: Project, team: MlTeam) -> None:
    team.pypi.add(Dist("numpy", "2.4.0", requires_python=">=3.11"), *compiled(*PLATFORMS))
    before = versions(published)
    published.sections[-1] = published.sections[-1].replace('["torch"', '["torch", "tqdm", "einops"')
    published.write()
    published.run("lock")
    assert versions(published) == before | {"einops": "0.8.1"}


def test_a_file_that_vanished_is_named_and_the_site_stays(ours: Project, team: MlTeam) -> None:
    want(ours, "torch", indexes=OWNED)
    ours.run("lock")
    team.pypi.lose(MARKUP)
    assert MARKUP in refused(ours, 4, "sync").error
    assert MARKUP in ours.run("status").out, "though no pin names the upstream"


@pytest.mark.parametrize("how", ["file", "project"])
def test_what_was_fetched_stays_published_when_it_vanishes(published: Project, team: MlTeam, how: str) -> None:
    if how == "file":
        team.pypi.withdraw(MARKUP)
    else:
        team.pypi.drop("markupsafe")
    done = refused(published, 4, "lock")
    assert MARKUP in done.error
    assert "--upgrade markupsafe" in done.hint
    for verb in ("sync", "publish", "verify"):
        published.run(verb)
    assert (published.site / "wheels" / MARKUP).is_file()
    assert MARKUP in files(published)


def test_a_vanished_dependency_does_not_stop_another_environment(published: Project, team: MlTeam) -> None:
    want(published, "numpy==2.3.4", name="other")
    team.pypi.drop("sympy")
    before = files(published)
    done = published.run("lock", check=False)
    assert done.rc == 4
    assert "sympy-1.14.0-py3-none-any.whl" in done.err
    assert files(published) == before, "the last good one is kept"
    assert versions(published, name="other") == {"numpy": "2.3.4"}


def test_an_index_that_is_down_leaves_lock_and_site(published: Project, team: MlTeam) -> None:
    team.pypi.server.unavailable("*", times=None)
    assert team.pypi.url in refused(published, 4, "lock").error
    team.pypi.server.heal()
    published.run("lock")


def test_an_environment_taken_away_leaves_nothing_behind(published: Project) -> None:
    published.sections.pop()
    want(published, "numpy", name="other")
    for verb in ("lock", "sync", "publish"):
        published.run(verb)
    assert [one["name"] for one in document(published)["environment"]] == ["other"]
    assert [one.name.split("-")[0] for one in published.site.glob("wheels/*.whl")] == ["numpy"]
    assert not (published.site / "environments/train").exists()

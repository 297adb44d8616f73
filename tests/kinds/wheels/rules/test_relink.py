"""Locks of other indexes with the site's URLs in them: every hash stays, and what the site lacks is named."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cudepot.errors import FormatError
from cudepot.kinds.wheels.rules.relink import relinked

A, B, C = "a" * 64, "b" * 64, "c" * 64
SITE, INDEX = "https://packages.example", "https://packages.example/simple/"
PATHS = {A: "wheels/a-1-py3-none-any.whl", C: "wheels/c-1%2Blocal-py3-none-any.whl"}
OTHER = {"registry": "https://index.invalid/simple"}


def uv_file(sha256: str, name: str) -> dict[str, Any]:
    return {"url": f"https://files.invalid/{name}", "hash": f"sha256:{sha256}", "size": 1, "upload-time": "2026"}


def uv_package(name: str, *wheels: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "version": "1", "source": OTHER, "wheels": list(wheels), **more}


def uv_lock(*packages: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "revision": 3, "package": [{"name": "app", "source": {"virtual": "."}}, *packages]}


def test_a_uv_lock_leads_to_the_site_with_every_hash() -> None:
    sdist = uv_file(B, "a-1.tar.gz")
    found = relinked(uv_lock(uv_package("a", uv_file(A, "a"), uv_file(B, "other"), sdist=sdist)), PATHS, SITE)
    assert (found.linked, found.lacking, found.nowhere) == (("a 1",), (), ())
    own, a = found.document["package"]
    assert own == {"name": "app", "source": {"virtual": "."}}
    assert a["source"] == {"registry": INDEX}
    assert a["wheels"] == [uv_file(A, "a") | {"url": f"{SITE}/{PATHS[A]}"}]
    assert "sdist" not in a, "the site has wheels alone"


def test_a_pylock_does_likewise() -> None:
    wheels = [
        {"name": "a.whl", "url": "https://files.invalid/a", "hashes": {"sha256": one, "md5": "0"}} for one in (A, B)
    ]
    packages = [
        {"name": "a", "version": "1", "index": "https://index.invalid/", "wheels": wheels},
        {"name": "g", "vcs": {"type": "git", "url": "https://git.invalid/g"}},
        {"name": "d", "directory": {"path": "d"}},
    ]
    found = relinked({"lock-version": "1.0", "packages": packages}, PATHS, SITE)
    assert (found.linked, found.lacking, found.nowhere) == (("a 1",), (), ("g",))
    assert found.document["packages"][0] == packages[0] | {
        "index": INDEX, "wheels": [wheels[0] | {"url": f"{SITE}/{PATHS[A]}"}]
    }  # fmt: skip
    assert found.document["packages"][1:] == packages[1:]


def test_what_the_site_lacks_is_named_and_left_as_it_was() -> None:
    git = {"name": "g", "version": "1", "source": {"git": "https://git.invalid/g"}}
    lacking = uv_package("b", uv_file(B, "b"))
    found = relinked(uv_lock(lacking, git), PATHS, SITE)
    assert (found.linked, found.lacking, found.nowhere) == ((), ("b 1",), ("g 1",))
    assert found.document["package"][1:] == [lacking, git]


def test_other_hashes_than_sha256_lead_nowhere() -> None:
    file = uv_file(A, "a") | {"hash": f"sha512:{A}"}
    assert relinked(uv_lock(uv_package("a", file)), PATHS, SITE).lacking == ("a 1",)


def test_dependencies_that_name_a_source_follow() -> None:
    """uv names it where one project comes from several indexes."""
    edges = [
        {"name": "c", "version": "1", "source": OTHER, "marker": "x"},
        {"name": "b", "version": "1", "source": OTHER},
    ]
    moved, stays = [edges[0] | {"source": {"registry": INDEX}}, edges[1]], edges[1]
    one = uv_package(
        "a", uv_file(A, "a"), dependencies=edges,
        **{"optional-dependencies": {"x": edges}, "dev-dependencies": {"y": [stays, {"name": "c"}]}},
    )  # fmt: skip
    lock = uv_lock(one, uv_package("c", uv_file(C, "c")), uv_package("b", uv_file(B, "b")))
    a = relinked(lock, PATHS, SITE).document["package"][1]
    assert a["dependencies"] == moved
    assert a["optional-dependencies"] == {"x": moved}
    assert a["dev-dependencies"] == {"y": [stays, {"name": "c"}]}


def test_the_lock_itself_is_not_changed() -> None:
    lock = uv_lock(uv_package("a", uv_file(A, "a"), dependencies=[{"name": "a", "version": "1", "source": OTHER}]))
    before = copy.deepcopy(lock)
    relinked(lock, PATHS, SITE)
    assert lock == before


@pytest.mark.parametrize(
    "document",
    [{}, {"package": 1}, {"package": [1]}, {"packages": [[]]}, {"package": [{"name": "a"}]}, {"packages": {"a": 1}},
     {"package": [uv_package("a", {"hash": 7})]}, {"package": [{"name": "a", "source": OTHER, "wheels": 7}]}],
)  # fmt: skip
def test_what_is_neither_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        relinked(document, PATHS, SITE)


_KEYS = st.sampled_from(
    ["name", "source", "registry", "git", "wheels", "sdist", "hash", "hashes", "sha256", "dependencies"]
)
_JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(_KEYS, one, max_size=4),
)


@given(st.dictionaries(st.sampled_from(["package", "packages"]), st.lists(_JSON, max_size=3)))
def test_nothing_but_a_clean_refusal(document: dict[str, Any]) -> None:
    try:
        found = relinked(json.loads(json.dumps(document)), PATHS, SITE)
    except FormatError:
        return
    assert isinstance(found.document, dict)

"""cudepot.toml, cudepot.lock and snapshots: what is written is read back; faults are named with their place."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from tests.parsed import parse_config

from cudepot.catalog.config.template import render_template
from cudepot.catalog.lock import (
    Artifact,
    BuiltFrom,
    Lock,
    LockedEnvironment,
    LockedFile,
    LockedTarget,
    LockedUpstream,
    Member,
    Root,
)
from cudepot.catalog.lock_document import parse_lock, render_lock
from cudepot.catalog.lock_parts import joined, split
from cudepot.catalog.site.snapshot import Snapshot, parse_snapshot, render_snapshot
from cudepot.catalog.unsolvable import Allowed
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError
from cudepot.formats.release import Release
from cudepot.formats.simple_write import ProjectStatus
from cudepot.kinds.apt.rules.settings import AptSettings
from cudepot.sites.s3.place import S3Place

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs", "Cc"]), max_size=8)
DIGESTS = st.binary(max_size=3).map(Digest.of)
NAMES = st.text("az09+._~-", max_size=8).map("q{}".format)
ROOTS = st.builds(Root, TEXT, DIGESTS, TEXT, st.lists(TEXT, max_size=2).map(tuple))
UPSTREAMS = st.builds(
    LockedUpstream, TEXT, TEXT, TEXT, TEXT, st.lists(ROOTS, max_size=2).map(tuple), TEXT, TEXT, TEXT, TEXT,
    st.lists(TEXT, max_size=2).map(tuple),
)  # fmt: skip
RELEASES = st.builds(Release, TEXT, TEXT, TEXT, TEXT)
PLAIN = st.builds(
    Artifact, TEXT, st.sampled_from(["deb", "wheel", "archive"]), NAMES, NAMES, NAMES, TEXT, NAMES, DIGESTS, TEXT,
    st.lists(TEXT, max_size=2).map(tuple),
).map(lambda one: replace(one, filename=f"{one.filename}.deb") if one.kind == "deb" else one)  # fmt: skip
BUILT = st.builds(BuiltFrom, DIGESTS, TEXT, st.lists(TEXT, max_size=2).map(tuple), again=st.booleans())
ARTIFACTS = st.one_of(
    PLAIN,
    st.builds(lambda one, built: replace(one, built=built), PLAIN, BUILT),
    st.builds(lambda one, wants: replace(one, requires=wants), PLAIN, st.lists(TEXT, max_size=2).map(tuple)),
    st.builds(lambda one, recipe, release: replace(one, recipe=recipe, release=release), PLAIN, TEXT, RELEASES),
)
MEMBERS = st.builds(Member, NAMES, NAMES, TEXT)
TARGETS = st.builds(
    LockedTarget, NAMES, st.dictionaries(NAMES, TEXT, max_size=2).map(lambda found: tuple(found.items())),
    st.lists(MEMBERS, max_size=2).map(tuple),
)  # fmt: skip
ENVIRONMENTS = st.builds(
    LockedEnvironment, TEXT, TEXT, TEXT, st.lists(TEXT, max_size=2).map(tuple),
    st.lists(TARGETS, max_size=2, unique_by=lambda one: one.name).map(tuple),
    st.lists(TEXT, max_size=1).map(tuple),
)  # fmt: skip
LOCKS = st.builds(
    Lock,
    st.lists(UPSTREAMS, max_size=2).map(tuple),
    st.lists(ARTIFACTS, max_size=3).map(tuple),
    st.lists(TEXT, max_size=2).map(tuple),
    st.lists(st.builds(Allowed, TEXT, TEXT.filter(str.strip)), max_size=2).map(tuple),
    st.lists(ENVIRONMENTS, max_size=2).map(tuple),
)
SNAPSHOTS = st.builds(
    Snapshot, st.integers(1, 999999), TEXT, TEXT, TEXT, DIGESTS,
    st.lists(UPSTREAMS, max_size=2).map(tuple),
    st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map("/".join), DIGESTS, max_size=3),
)  # fmt: skip


@given(LOCKS)
def test_a_lock_is_read_back_as_written(lock: Lock) -> None:
    text = tomli_w.dumps(render_lock(lock))
    assert parse_lock(tomllib.loads(text)) == lock
    assert tomli_w.dumps(render_lock(parse_lock(tomllib.loads(text)))) == text


@given(LOCKS)
def test_a_lock_without_environments_says_nothing_of_them(lock: Lock) -> None:
    assert ("environment" in render_lock(lock)) == bool(lock.environments)


def test_environments_are_of_no_upstream_and_come_back_with_the_whole() -> None:
    one = LockedEnvironment("e", "simple", "r", ("x",), ())
    lock = Lock((LockedUpstream("u", "simple", "", ""),), (), environments=(one,))
    assert [part.environments for part in split(lock).values()] == [()]
    assert joined(list(split(lock).values()), lock) == lock


@pytest.mark.parametrize("member", ["x.whl", "u/", "/x", "u/../x;", "u/..", "u/x; "])
def test_a_member_that_names_no_file_is_refused(member: str) -> None:
    target = {"name": "t", "members": [member]}
    environment = {"name": "e", "kind": "simple", "request": "r", "roots": [], "target": [target]}
    with pytest.raises(ConfigError, match=r"environment\[0\]\.target\[0\]\.members"):
        parse_lock({"version": 1, "environment": [environment]})


@given(SNAPSHOTS)
def test_a_snapshot_is_read_back_as_written(snapshot: Snapshot) -> None:
    data = render_snapshot(snapshot)
    assert parse_snapshot(data, "x") == snapshot
    assert render_snapshot(replace(snapshot, tree=dict(reversed(list(snapshot.tree.items()))))) == data


def test_what_a_newer_cudepot_says_of_upstreams_is_left_out() -> None:
    one = LockedUpstream("u", "apt", "https://h/u/", "r", files=(LockedFile("InRelease", "root", Digest.of(b"x")),))
    document = json.loads(render_snapshot(replace(BASE, upstreams=(one,))))
    (table,) = document["upstreams"]
    table["file"] += [{"path": "new", "role": "newer", "sha256": "x"}]
    table["file"][0] |= {"newer": 1}
    table |= {"newer": [1], "type": "newer"}
    assert parse_snapshot(json.dumps(document).encode(), "x").upstreams == (replace(one, type="newer"),)


BASE = Snapshot(1, "now", "A", "", Digest.of(b""), (), {"apt/x.deb": Digest.of(b"x")})


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "./a", "a/", ""])
def test_a_snapshot_with_an_unsafe_path_is_refused(path: str) -> None:
    with pytest.raises(CudepotError):
        parse_snapshot(render_snapshot(replace(BASE, tree={path: Digest.of(b"x")})), "x")


@pytest.mark.parametrize(
    ("key", "value"),
    [("format", "cudepot-snapshot 2"), ("number", 0), ("number", True), ("tree", []), ("tree", {"a": {"size": 1}}),
     ("upstreams", [1]), ("lock", {"sha256": "x", "size": 1})],
)  # fmt: skip
def test_a_malformed_snapshot_is_refused(key: str, value: object) -> None:
    document = {**json.loads(render_snapshot(BASE)), key: value}
    with pytest.raises(ConfigError):
        parse_snapshot(json.dumps(document).encode(), "x")


def test_what_is_no_json_is_no_snapshot() -> None:
    for data in (b"", b"[]", b"\xff", b"{"):
        with pytest.raises(ConfigError):
            parse_snapshot(data, "x")


def config(**changes: Any) -> dict[str, Any]:
    good: dict[str, Any] = {
        "upstream": [{"name": "u", "type": "apt", "url": "https://h/u", "keys": ["A" * 40], "keyrings": ["k"]}],
        "pin": [{"upstream": "u", "packages": ["a"]}],
    }
    return good | changes


def upstream(**changes: Any) -> dict[str, Any]:
    return config(upstream=[config()["upstream"][0] | changes])


def pin(**changes: Any) -> dict[str, Any]:
    return config(pin=[config()["pin"][0] | changes])


def installer(**changes: Any) -> dict[str, Any]:
    given = {"name": "u", "type": "local-repo", "path": "x.deb", "sha256": "a" * 64}
    return config(upstream=[given | changes])


@pytest.mark.parametrize(("text", "seconds"), [("30d", 2592000), ("12h", 43200), ("2w", 1209600)])
def test_times_of_validity(text: str, seconds: int) -> None:
    assert parse_config(upstream(**{"valid-for": text})).upstreams[0].valid_for == seconds
    assert parse_config(installer(**{"valid-for": text})).upstreams[0].valid_for == seconds


@pytest.mark.parametrize("text", ["30", "d", "0d", "-1d", "30 d", "1y", "999999d"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="upstream"):
        parse_config(upstream(**{"valid-for": text}))


def test_an_installer_needs_its_hash() -> None:
    assert parse_config(installer(boundary=["libc6"])).upstreams[0].boundary == ("libc6",)
    for wrong in ("", "A" * 64, "a" * 63):
        with pytest.raises(ConfigError, match="sha256 of the installer"):
            parse_config(installer(sha256=wrong))
    with pytest.raises(ConfigError, match=r"unknown key 'upstream\[0\]\.keys'"):
        parse_config(installer(keys=["A" * 40]))


def test_a_pin_wants_architectures_its_upstream_has() -> None:
    assert parse_config(pin(architectures=["amd64"])).pins[0].architectures == ("amd64",)
    with pytest.raises(ConfigError, match="wants arm64 from upstream 'u'"):
        parse_config(pin(architectures=["arm64"]))
    folder = {"upstream": [{"name": "u", "type": "folder", "path": "d"}]}
    with pytest.raises(ConfigError, match="only apt and yum pins"):
        parse_config({**pin(architectures=["amd64"]), **folder})


def test_defaults() -> None:
    found = parse_config(config())
    assert found.upstreams[0].url == "https://h/u/"
    assert found.upstreams[0].settings == AptSettings()
    assert found.pins[0].outputs == ("mirror",)
    assert parse_config(pin(recipe="cudnn")).pins[0].outputs == ("conda", "wheel")
    assert (found.site.keep, found.build.number, found.store) == (3, 1, "store")


def test_a_bucket_as_site() -> None:
    site = {"type": "s3", "bucket": "bbb", "prefix": "/a/b/", "endpoint": "https://h", "grace-hours": 2, "ca": "ca.pem"}
    found = parse_config(config(site=site)).site.place
    assert found == S3Place("bbb", "a/b/", "https://h", path_style=True, grace=7200, ca="ca.pem")
    amazon = parse_config(config(site={"type": "s3", "bucket": "bbb", "public-url": "https://m"})).site.place
    assert amazon == S3Place("bbb", public_url="https://m/")


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(config(site={"type": "s3", "bucket": "bbb", "endpoint": "https://me:hush@h"}))
    assert "hush" not in f"{caught.value} {caught.value.hint}"


def test_the_status_of_a_project() -> None:
    said = {"Nvidia.cuDNN_cu11": "deprecated: take cu12", "x": "archived"}
    found = parse_config(config(site={"project-status": said})).site.project_status
    assert found == {"nvidia-cudnn-cu11": ProjectStatus("deprecated", "take cu12"), "x": ProjectStatus("archived")}


def test_the_template_is_a_configuration() -> None:
    text = render_template(label="acme", key="A" * 40, gnupg="g")
    found = parse_config(tomllib.loads(text))
    assert (found.site.label, found.site.key, found.site.gnupg) == ("acme", "A" * 40, "g")
    assert (found.upstreams, found.pins, found.accept_eula) == ((), (), ())


def test_a_misspelt_key_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'upstream\[0\]\.keyring'") as caught:
        parse_config(upstream(keyring=["nvidia.asc"]))
    assert caught.value.hint.startswith("did you mean 'keyrings'? known here: ")
    with pytest.raises(ConfigError) as caught:
        parse_config(config(xyz=1))
    assert caught.value.hint.startswith("known here: ")


WRONG: list[tuple[dict[str, Any], str]] = [
    (config(version=2), "version 2"),
    (config(colour=1), "unknown key 'colour'"),
    (config(store=1), "expected a string in 'store', found 1"),
    (config(upstream={}), "expected an array of tables in 'upstream'"),
    (config(site={"label": "Acme!"}), "'site.label'"),
    (config(site={"channel": "a/b"}), "'site.channel'"),
    (config(site={"keep": 0}), "'site.keep'"),
    (config(site={"project-status": {"x": "quarantined"}}), "'site.project-status.x'"),
    (config(site={"type": "ftp"}), "'site.type'"),
    (config(site={"bucket": "b"}), "unknown key 'site.bucket'"),
    (config(site={"type": "s3"}), "'site.bucket'"),
    (config(site={"type": "s3", "bucket": "a/b"}), "'site.bucket'"),
    (config(site={"type": "s3", "bucket": "bbb", "prefix": "../x"}), "'site.prefix'"),
    (config(site={"type": "s3", "bucket": "bbb", "endpoint": "ftp://h"}), "'site.endpoint'"),
    (config(site={"type": "s3", "bucket": "bbb", "proxy": "http://me:secret@h"}), "'site.proxy' holds a user name"),
    (config(site={"type": "s3", "bucket": "bbb", "workers": 0}), "'site.workers'"),
    (config(build={"number": True}), "'build.number'"),
    (config(**{"accept-eula": ["yes"]}), "'accept-eula'"),
    (upstream(name="A b"), "'upstream[0].name'"),
    (upstream(name="../x"), "'upstream[0].name'"),
    (upstream(url="ftp://x"), "'upstream[0].url'"),
    (upstream(keys=[]), "'upstream[0].keys'"),
    (upstream(keys="A"), "expected a list of strings in 'upstream[0].keys'"),
    (upstream(suites=["stable"]), "upstream[0]"),
    (upstream(components=["main"]), "upstream[0]"),
    (upstream(suites=["/", "x/"]), "upstream[0]"),
    (upstream(path="x"), "unknown key 'upstream[0].path'"),
    (pin(upstream="v"), "there is no upstream 'v'"),
    (pin(outputs=["conda"]), "'pin[0].outputs'"),
    (pin(outputs=["rpm"], recipe="cudnn"), "'pin[0].outputs'"),
    (pin(subdirs=["osx-64"]), "'osx-64'"),
    (pin(sha256={"a": 1}), "'pin[0].sha256.a'"),
    (config(upstream=config()["upstream"] * 2), "two upstreams are named 'u'"),
    (config(upstream=[*config()["upstream"], {"name": "u/v", "type": "folder", "path": "."}]), "'u'"),
]


@pytest.mark.parametrize(("document", "says"), WRONG, ids=[says for _, says in WRONG])
def test_a_fault_is_named_with_its_place(document: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(document)
    assert says in str(caught.value)

"""A whole mirror: byte for byte, complete or not at all, one request when nothing changed."""

from __future__ import annotations

import hashlib
import os
import tomllib
from pathlib import Path

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Nvidia
from simulator.project import APT, DEB, Project, same_files

PIN, KEYRING = "cuda-ubuntu2004.pin", "cuda-keyring_1.1-1_all.deb"
EXTRAS = (PIN, KEYRING)
SIGNED = ("InRelease", "Release", "Release.gpg", "Packages", "Packages.gz")


def add_whole(project: Project, nvidia: Nvidia, *extras: str, **more: object) -> None:
    """Mirror NVIDIA's repository whole."""
    project.add(
        "upstream",
        name=APT,
        type="apt",
        url=nvidia.apt_url,
        keys=[nvidia.key.fingerprint],
        keyrings=[str(nvidia.key_file)],
        whole=True,
        extras=list(extras),
        **more,
    )


def add_files(nvidia: Nvidia, names: tuple[str, ...] = EXTRAS) -> None:
    """Put files beside the index that it does not name."""
    for name in names:
        nvidia.repo.put(nvidia.repo.folder / name, name.encode() * 9)


def mirror(project: Project) -> Path:
    """Lock, sync and publish; return the repository on the site."""
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    return project.site / "apt" / APT


@pytest.fixture
def whole(project: Project, nvidia: Nvidia) -> Project:
    """A project that wants the whole repository and its extras."""
    add_files(nvidia)
    add_whole(project, nvidia, *EXTRAS, nvidia.repo.pub_name)
    return project


def test_every_file_is_the_upstreams_own_and_nothing_else(whole: Project, nvidia: Nvidia) -> None:
    site = mirror(whole)
    debs = sorted(one.name for one in nvidia.repo.folder.glob("libcudnn*.deb"))
    names = sorted([*SIGNED, *debs, PIN, nvidia.repo.pub_name])
    assert sorted(str(one.relative_to(site)) for one in site.rglob("*")) == names
    for name in names:
        assert (site / name).read_bytes() == (nvidia.repo.folder / name).read_bytes(), name
    assert whole.run("verify", "--json").json["faults"] == []
    assert whole.run("status", "--json").json["next"] == ""


def test_a_lock_of_a_kind_that_only_a_newer_cudepot_mirrors_whole_is_refused(whole: Project) -> None:
    mirror(whole)
    text = whole.lock.read_text()
    whole.lock.write_text(text.replace('type = "apt"', 'type = "simple"'))
    for verb in ("sync", "gc", "publish"):
        assert "is of type 'simple', which this cudepot cannot mirror whole" in whole.fail(3, verb).error, verb
    whole.run("lock")
    assert whole.lock.read_text() == text


def test_the_lock_holds_roots_indexes_and_extras_but_no_package(whole: Project) -> None:
    whole.run("lock")
    lock = tomllib.loads(whole.lock.read_text())
    assert "artifact" not in lock or lock["artifact"] == []
    roles = {one["path"]: one["role"] for one in lock["upstream"][0]["file"]}
    assert [roles[name] for name in SIGNED] == ["root"] * 3 + ["index"] * 2
    assert [roles[name] for name in EXTRAS] == ["extra"] * 2


def test_the_summary_does_not_call_a_whole_mirror_empty(whole: Project) -> None:
    told = whole.run("lock")
    assert f"wrote cudepot.lock: no pins; mirrored whole: {APT}\n" in told.out
    assert " 0 B" not in told.out
    assert "`cudepot sync --dry-run` shows how many" in told.out
    assert " 0 B" not in whole.run("sync", "--dry-run").out


def test_nothing_new_costs_one_conditional_request_and_no_deb_is_read(whole: Project, nvidia: Nvidia) -> None:
    mirror(whole)
    for deb in nvidia.repo.folder.glob("libcudnn*.deb"):
        kept = whole.object(deb.read_bytes())
        times = kept.stat()
        kept.chmod(0o644)
        kept.write_bytes(bytes(times.st_size))
        os.utime(kept, ns=(times.st_atime_ns, times.st_mtime_ns))  # whoever reads it and looks finds other bytes
    before = whole.published()
    nvidia.server.forget()
    for verb in ("lock", "sync"):
        whole.run(verb)
    assert [(one.path.rpartition("/")[2], one.status) for one in nvidia.server.requests] == [("InRelease", 304)]
    again = whole.run("publish", "--json").json
    assert (again["number"], again["fresh"]) == (1, False)
    assert whole.published() == before


def test_a_bad_file_is_named_the_rest_comes_and_the_old_site_stays(whole: Project, nvidia: Nvidia) -> None:
    whole.run("lock")
    bad, gone = sorted(one.name for one in nvidia.repo.folder.glob("libcudnn*.deb"))[:2]
    nvidia.server.same_size(f"{nvidia.apt_path}/{bad}")
    nvidia.server.missing(f"{nvidia.apt_path}/{gone}")
    done = whole.run("sync", "--json", check=False)
    assert done.rc in (4, 5), done
    assert bad in done.error
    assert gone in done.error
    good = [one for one in nvidia.repo.folder.glob("*.deb") if one.name not in (bad, gone)]
    assert good
    assert all(whole.object(one.read_bytes()).exists() for one in good)
    assert "2 locked artifacts are not in the store" in whole.fail(3, "publish").error
    assert not whole.site.exists()
    assert whole.run("status", "--json").json["next"] == "sync"
    nvidia.server.heal()
    whole.run("sync")
    whole.run("publish")
    before = whole.published()
    nvidia.repo.forget(bad)
    nvidia.repo.publish()
    nvidia.server.same_size(f"{nvidia.apt_path}/Packages.gz")
    whole.fail(5, "lock")
    assert same_files(before, whole.published())


def test_identical_stanzas_are_one_and_of_two_hashes_the_last_counts(whole: Project, nvidia: Nvidia) -> None:
    first = nvidia.repo.stanzas[0]
    nvidia.repo.stanzas.append(first)
    nvidia.repo.publish()
    whole.run("lock")
    assert whole.run("sync", "--json").json["notes"] == []
    wrong = first.replace("SHA256: ", "SHA256: 00")
    sha256 = next(line for line in wrong.splitlines() if line.startswith("SHA256: "))
    nvidia.repo.stanzas[0] = wrong.replace(sha256, sha256[: len("SHA256: ") + 64])
    nvidia.repo.publish()
    whole.run("lock")
    done = whole.run("sync")
    assert "note: " in done.out
    assert "which is used" in done.out
    whole.run("publish")
    assert (whole.site / "apt" / APT / "Packages").read_bytes() == (nvidia.repo.folder / "Packages").read_bytes()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Filename", "../../../etc/passwd"),
        ("Filename", "./InRelease"),
        ("Filename", "./InRelease/x.deb"),
        ("Size", "many"),
        ("SHA256", "77"),
    ],
)
def test_an_index_that_names_what_cannot_be_is_refused(whole: Project, nvidia: Nvidia, field: str, value: str) -> None:
    lines = nvidia.repo.stanzas[0].splitlines()
    nvidia.repo.stanzas[0] = "\n".join(f"{field}: {value}" if x.startswith(f"{field}:") else x for x in lines) + "\n"
    nvidia.repo.publish()
    whole.fail(10, "lock")
    assert not whole.lock.exists()


def test_a_release_of_another_day_than_inrelease_is_refused(whole: Project, nvidia: Nvidia) -> None:
    old = {name: (nvidia.repo.folder / name).read_bytes() for name in ("Release", "Release.gpg")}
    nvidia.repo.publish()
    for name, data in old.items():
        nvidia.repo.put(nvidia.repo.folder / name, data)
    assert "but InRelease is of" in whole.fail(5, "lock").error
    assert not whole.lock.exists()


def test_the_oldest_repositories_have_no_inrelease_and_no_plain_packages(project: Project, nvidia: Nvidia) -> None:
    (nvidia.repo.folder / "InRelease").unlink()
    (nvidia.repo.folder / "Packages").unlink()
    add_whole(project, nvidia)
    site = mirror(project)
    assert {"Release", "Release.gpg", "Packages.gz"} == {one.name for one in site.iterdir() if one.suffix != ".deb"}
    assert project.run("verify", "--json").json["faults"] == []


def test_a_changed_extra_is_an_alarm(whole: Project, nvidia: Nvidia) -> None:
    mirror(whole)
    nvidia.repo.put(nvidia.repo.folder / EXTRAS[0], b"other bytes")
    nvidia.repo.publish()
    assert f"! {EXTRAS[0]} ({APT}): content changed" in whole.run("lock").out
    whole.run("publish", check=False)
    before = whole.published()
    nvidia.repo.put(nvidia.repo.folder / EXTRAS[1], b"other bytes")
    nvidia.repo.publish()
    alarm = whole.fail(5, "lock")
    assert "version changed in place" in alarm.error
    assert "--accept-changed cuda-keyring" in alarm.hint
    whole.run("sync")
    assert whole.run("publish", "--json").json["fresh"] is False, "the old good snapshot stays"
    assert same_files(before, whole.published())
    assert f"! {EXTRAS[1]}" in whole.run("lock", "--accept-changed", "cuda-keyring").out
    whole.run("sync")
    whole.run("publish")
    assert not (whole.site / "apt" / APT / KEYRING).exists(), "it would send clients to NVIDIA"


@pytest.mark.parametrize("name", ["libcudnn8", f"libcudnn8_{DEB}_amd64.deb"])
def test_a_changed_package_blocks_no_whole_mirror_for_ever(
    whole: Project, nvidia: Nvidia, tmp_path: Path, name: str
) -> None:
    mirror(whole)
    before = whole.published()
    file = f"libcudnn8_{DEB}_amd64.deb"
    again = write_deb(simple_deb("libcudnn8", DEB), tmp_path)
    assert again.name == file
    new = again.read_bytes()
    nvidia.repo.add(again)
    nvidia.repo.publish()
    alarm = whole.fail(5, "lock")
    assert hashlib.sha256(new).hexdigest() in alarm.error
    whole.run("sync")
    whole.run("publish")
    assert same_files(before, whole.published())
    for times in range(2):  # it stays accepted when the upstream goes on
        nvidia.repo.publish()
        whole.run("lock", *(("--accept-changed", name) if times == 0 else ()))
        whole.run("sync")
        whole.run("publish")
        assert (whole.site / "apt" / APT / file).read_bytes() == new


def test_a_changed_package_is_told_and_accepted_where_the_old_index_is_gone(
    whole: Project, nvidia: Nvidia, tmp_path: Path
) -> None:
    """What was published before is known by its snapshot."""
    mirror(whole)
    for name in ("Packages", "Packages.gz"):
        whole.object((nvidia.repo.folder / name).read_bytes()).unlink()
    again = write_deb(simple_deb("libcudnn8", DEB), tmp_path)
    nvidia.repo.add(again)
    nvidia.repo.publish()
    assert "version changed in place" in whole.fail(5, "lock").error
    whole.run("lock", "--accept-changed", "libcudnn8")
    whole.run("sync")
    whole.run("publish")
    assert (whole.site / "apt" / APT / again.name).read_bytes() == again.read_bytes()


def test_extras_are_looked_at_once_a_day_though_the_root_is_the_same(whole: Project, nvidia: Nvidia) -> None:
    mirror(whole)
    nvidia.repo.put(nvidia.repo.folder / EXTRAS[0], b"other bytes")
    assert "unchanged: cudepot.lock" in whole.run("lock").out
    memory = whole.store / "upstreams" / f"{APT.replace('/', '%2F')}.json"
    memory.write_text(memory.read_text().replace('"checked": "20', '"checked": "19'))
    assert f"! {EXTRAS[0]} ({APT}): content changed" in whole.run("lock").out
    assert mirror(whole).joinpath(EXTRAS[0]).read_bytes() == b"other bytes"


def test_a_missing_extra_is_told(whole: Project, nvidia: Nvidia) -> None:
    (nvidia.repo.folder / EXTRAS[0]).unlink()
    assert EXTRAS[0] in whole.fail(4, "lock").error


def test_a_new_store_is_filled_from_the_lock(whole: Project) -> None:
    mirror(whole)
    before = whole.lock.read_bytes()
    whole.run("init", "--json")
    for name in ("objects", "upstreams"):
        (whole.store / name).rename(whole.store / f"old-{name}")
    whole.run("init")
    assert "in this store" in whole.fail(3, "sync", "--dry-run").error
    whole.run("sync")
    whole.run("lock")
    assert whole.lock.read_bytes() == before
    assert whole.run("publish", "--json").json["fresh"] is False


def test_verify_finds_what_the_upstreams_key_did_not_sign(whole: Project, nvidia: Nvidia) -> None:
    mirror(whole)
    whole.toml.write_text(whole.toml.read_text().replace(nvidia.key.fingerprint, nvidia.other_key.fingerprint))
    done = whole.run("verify", "--json", check=False)
    assert done.rc == 5
    assert any("none of the pinned keys" in one for one in done.json["faults"]), done


def test_a_pin_on_a_whole_upstream_can_only_repackage(whole: Project) -> None:
    whole.add("pin", upstream=APT, packages=[f"libcudnn8-dev={DEB}"])
    assert "a pin there can only repackage" in whole.fail(3, "lock").error


def test_a_pin_with_a_recipe_repackages_out_of_the_whole_mirror(whole: Project, nvidia: Nvidia) -> None:
    whole.add("pin", upstream=APT, packages=[f"libcudnn8={DEB}", f"libcudnn8-dev={DEB}"], recipe="cudnn")
    whole.accept_eula(nvidia.built().parts.licence)
    whole.publish()
    assert (whole.site / "conda/main/linux-64/repodata.json").exists()
    inrelease = whole.site / "apt" / APT / "InRelease"
    assert inrelease.read_bytes() == (nvidia.repo.folder / "InRelease").read_bytes()


@pytest.mark.parametrize(
    ("extra", "error"),
    [("../x", "not a plain path"), ("Release", "part of the repository"), ("./x.pin", "not a plain path")],
)
def test_extras_are_plain_paths(project: Project, nvidia: Nvidia, extra: str, error: str) -> None:
    add_whole(project, nvidia, extra)
    assert error in project.fail(3, "lock").error

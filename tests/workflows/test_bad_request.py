"""What the user may get wrong: cudepot.toml, cudepot.lock, pins, the licence, packages that change under one name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Nvidia
from simulator.project import DEB, DOWNLOADS, Project, same_files


def refused(project: Project, code: int, *argv: str) -> str:
    """Run a verb that must fail with ``code`` and leave everything published alone; return error and hint."""
    before = project.published()
    done = project.fail(code, *argv)
    assert same_files(before, project.published())
    return f"{done.error}\n{done.hint}"


TOML: list[tuple[str, str]] = [
    ('colour = "red"', "unknown key 'colour'"),
    ("[[pin]]\nupstream = 'local'\npackages = ['*']\nversion = 3", "unknown key 'pin[1].version'"),
    ("[[pin]]\nupstream = 'local'", "expected a list of strings in 'pin[1].packages', found nothing"),
    ("[[pin]]\nupstream = 'elsewhere'\npackages = ['x']", "there is no upstream 'elsewhere'"),
    ("[[pin]]\nupstream = 'local'\npackages = [1]", "expected a string in 'pin[1].packages[0]', found 1"),
    ("[build]\nzstd-level = 99", "expected an integer from 1 to 22 in 'build.zstd-level', found 99"),
    (
        "[[upstream]]\nname = 'x'\ntype = 'ftp'",
        "expected one of apt, yum, conda, simple, redistrib, folder, local-repo in 'upstream[1].type'",
    ),
    ("[[upstream]]\nname = 'local'\ntype = 'folder'\npath = '.'", "two upstreams are named 'local'"),
    ("this is no TOML", "not TOML: "),
]


def test_a_fault_in_cudepot_toml_is_named_with_its_place(shown: Project) -> None:
    good = shown.toml.read_text()
    for text, says in TOML:
        shown.toml.write_text(text + "\n" + good if "[" not in text else good + "\n" + text)
        told = refused(shown, 3, "lock")
        assert says in told
        assert str(shown.toml) in told
    shown.toml.write_text(good)
    shown.run("lock")


def test_init_leaves_a_malformed_cudepot_toml_alone(shown: Project) -> None:
    shown.toml.write_text("this is no TOML")
    assert "not TOML" in refused(shown, 3, "init")
    assert shown.toml.read_text() == "this is no TOML"


def test_a_folder_without_a_project_is_told(tmp_path: Path) -> None:
    project = Project(tmp_path, key="", gnupg=tmp_path)
    for verb in ("lock", "sync", "repackage", "publish", "verify", "status"):
        assert f"{tmp_path / 'store'}: no cudepot store here" in refused(project, 3, verb)
    project.toml.unlink()
    assert f"{tmp_path / 'cudepot.toml'}: not found" in refused(project, 3, "status")
    assert not list(tmp_path.iterdir())


def test_a_short_key_id_is_no_fingerprint(shown: Project, nvidia: Nvidia) -> None:
    shown.add_apt(nvidia, keys=(nvidia.key.fingerprint[-16:],))
    assert "is not a full OpenPGP fingerprint" in refused(shown, 3, "lock")


def test_a_site_key_that_is_not_there_is_named(shown: Project) -> None:
    site, _, rest = shown.toml.read_text().partition('key = "')
    shown.toml.write_text(f'{site}key = "{"A" * 40}"{rest.partition(chr(34))[2]}')
    assert f"no key {'A' * 40}" in refused(shown, 3, "publish")


LOCKS: list[tuple[str, str, str]] = [
    ("version = 1", "version = 2", "cudepot.lock has version 2"),
    ('sha256 = "', 'sha256 = "x', "expected sha256 of 64 hex digits"),
    ('filename = "', 'filename = "../', "expected a plain file name in 'artifact[0].filename'"),
    ('kind = "deb"', 'kind = "dab"', "expected one of deb, rpm, conda, wheel, archive in 'artifact[0].kind'"),
    ('kind = "deb"', 'kind = "deb', "not TOML: "),
    ('why = "pin"', 'whim = "pin"', "unknown key 'artifact[0].whim'"),
]


def test_a_corrupt_lock_is_refused_until_it_is_made_anew(shown: Project) -> None:
    text = shown.lock.read_text()
    for good, bad, says in LOCKS:
        shown.lock.write_text(text.replace(good, bad, 1))
        told = refused(shown, 3, "sync")
        assert says in told
        assert str(shown.lock) in told
    for verb in ("lock", "publish"):
        assert says in refused(shown, 3, verb)
    assert says in shown.run("status").out
    shown.lock.unlink()
    shown.run("lock")
    assert shown.lock.read_text() == text


def test_a_lock_with_a_kind_that_only_a_newer_cudepot_has_is_refused_until_it_is_made_anew(shown: Project) -> None:
    text = shown.lock.read_text()
    assert 'type = "folder"' in text
    shown.lock.write_text(text.replace('type = "folder"', 'type = "future"'))
    for verb in ("status", "sync", "publish"):
        told = refused(shown, 3, verb)
        assert "upstream 'local' is of type 'future', which this cudepot does not know" in told, verb
        assert "use the cudepot version that locked it" in told, verb
    shown.run("verify")
    shown.run("lock")
    assert shown.lock.read_text() == text


def test_a_lock_that_does_not_answer_the_pins_is_refused(shown: Project, nvidia: Nvidia) -> None:
    shown.add_apt(nvidia, f"libcudnn8={DEB}")
    for verb in ("sync", "repackage", "publish"):
        told = refused(shown, 3, verb)
        assert "cudepot.lock is out of date with cudepot.toml (upstream 'ubuntu2004/x86_64'" in told
        assert "run `cudepot lock`" in told
    shown.run("lock")
    shown.run("sync")
    shown.sections[-1] = shown.sections[-1].replace("cuda11.1", "cuda10.2")
    shown.write()
    assert "is out of date with" in refused(shown, 3, "sync")


def test_a_lock_of_an_upstream_nobody_pins_any_more_is_refused(shown: Project, nvidia: Nvidia) -> None:
    shown.add_apt(nvidia)
    shown.run("lock")
    del shown.sections[-1]
    shown.write()
    assert "upstream 'ubuntu2004/x86_64', but nothing is pinned from it now" in refused(shown, 3, "publish")
    shown.run("lock")
    shown.run("publish")


def test_publishing_before_syncing_is_refused(shown: Project, nvidia: Nvidia) -> None:
    shown.add_apt(nvidia)
    shown.run("lock")
    assert "2 locked artifacts are not in the store" in refused(shown, 3, "publish")
    shown.run("sync")
    assert shown.run("publish", "--json").json["number"] == 2


PINS: list[tuple[str, str, str]] = [
    ("apt", "libcudnn8=8.0.4*", "versions of libcudnn8 there: 8.0.5.39-1+cuda10.2, 8.0.5.39-1+cuda11.1"),
    ("apt", "libcudnn9", "similar names there: libcudnn8, libcudnn8-dev"),
    ("wheels", "nvidia-cudnn-cu11==9.9", "versions there: 8.0.5.39"),
    ("downloads", "cudnn-12*.tgz", "download it there first"),
]


@pytest.mark.parametrize(("kind", "pin", "hint"), PINS, ids=[pin for _, pin, _ in PINS])
def test_a_pin_that_matches_nothing_says_what_is_there(
    shown: Project, nvidia: Nvidia, kind: str, pin: str, hint: str
) -> None:
    adders: dict[str, Callable[[Nvidia, str], None]] = {
        "apt": shown.add_apt, "wheels": shown.add_wheels, "downloads": shown.add_downloads,
    }  # fmt: skip
    adders[kind](nvidia, pin)
    told = refused(shown, 6, "lock")
    assert hint in told
    assert pin in told
    shown.sections = shown.sections[:2]
    shown.write()
    shown.run("lock")


def test_no_such_project_in_the_wheel_index(shown: Project, nvidia: Nvidia) -> None:
    shown.add_wheels(nvidia, "nvidia-cudnn-cu99")
    assert f"{nvidia.simple_url}nvidia-cudnn-cu99/: HTTP 404" in refused(shown, 4, "lock")


def test_nothing_is_built_until_the_licence_is_accepted(shown: Project, nvidia: Nvidia) -> None:
    shown.add_downloads(nvidia)
    shown.run("lock")
    shown.run("sync")
    told = refused(shown, 8, "repackage")
    licence = nvidia.built().parts.licence
    text = shown.object(licence)
    assert str(text) in told
    assert text.name in told
    assert text.read_bytes() == licence
    assert not list(shown.store.glob("builds/*"))
    assert "has not been repackaged" in refused(shown, 3, "publish")
    shown.accept_eula(b"another text")
    shown.fail(8, "repackage")
    shutil.rmtree(nvidia.downloads)  # accepting needs no upstream, and no other verb
    shown.accept_eula(licence)
    assert shown.run("repackage", "--json").json["run"] == 1
    assert f'"{text.name}"' in shown.lock.read_text(), "the lock records what was accepted"
    shown.run("publish")
    assert shown.run("status", "--json").json["next"] == ""


def test_a_published_package_never_changes_its_bytes(shown: Project, tmp_path: Path) -> None:
    folder = tmp_path / "changed"
    folder.mkdir()
    write_deb(simple_deb("hello", "1.0", Homepage="https://example.com"), folder)
    good = list(shown.sections)
    shown.sections[0] = f"[[upstream]]\nname = 'local'\ntype = 'folder'\npath = '{folder}'\n"
    shown.write()
    before = shown.lock.read_bytes()
    assert "local: version changed in place, since " in refused(shown, 5, "lock")
    shown.lock.unlink()  # what was locked is forgotten; what was published is not
    shown.run("lock")
    shown.run("sync")
    told = refused(shown, 5, "publish")
    assert "apt/local/hello_1.0_amd64.deb was published with sha256" in told
    shown.sections = good
    shown.write()
    shown.lock.write_bytes(before)
    shown.run("lock")
    assert shown.run("publish", "--json").json["fresh"] is False


def test_changed_bytes_that_were_accepted_are_locked_and_published(shown: Project, tmp_path: Path) -> None:
    folder = tmp_path / "changed"
    folder.mkdir()
    deb = write_deb(simple_deb("hello", "1.0", Homepage="https://example.com"), folder)
    shown.sections[0] = f"[[upstream]]\nname = 'local'\ntype = 'folder'\npath = '{folder}'\n"
    shown.write()
    shown.run("lock", "--accept-changed", "hello")
    assert 'replaces = "' in shown.lock.read_text()
    shown.run("sync")
    assert shown.run("publish", "--json").json["number"] == 2
    assert (shown.site / "apt/local" / deb.name).read_bytes() == deb.read_bytes()
    assert shown.run("lock", "--json").json["written"] is False
    again = write_deb(simple_deb("hello", "1.0", Homepage="https://example.com/again"), folder)
    for verb in (("lock", "--accept-changed", "hello"), ("sync",), ("publish",)):
        shown.run(*verb)
    assert (shown.site / "apt/local" / deb.name).read_bytes() == again.read_bytes(), "changed a second time"


def test_a_package_that_came_back_with_other_bytes_is_refused_too(shown: Project, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, package in ((one, simple_deb("other", "1")), (two, simple_deb("hello", "1.0", Bugs="none"))):
        folder.mkdir()
        write_deb(package, folder)
    for folder, code in ((one, 0), (two, 5)):
        shown.sections[0] = f"[[upstream]]\nname = 'local'\ntype = 'folder'\npath = '{folder}'\n"
        shown.write()
        shown.run("lock")
        shown.run("sync")
        assert shown.run("publish", check=False).rc == code


def test_an_installer_without_a_repository_is_refused(shown: Project, tmp_path: Path) -> None:
    (tmp_path / "debs").mkdir()
    write_deb(simple_deb("cudnn-local-repo-ubuntu2004-8.0.5.39", "1.0-1"), tmp_path / "debs")
    shown.add("upstream", name=DOWNLOADS, type="folder", path=str(tmp_path / "debs"))
    shown.add("pin", upstream=DOWNLOADS, packages=["*.deb"])
    assert "0 apt repositories below /var" in refused(shown, 10, "lock")


def test_a_download_must_have_the_hash_its_pin_says(shown: Project, nvidia: Nvidia) -> None:
    name = "cudnn-11.1-linux-x64-v8.0.5.39.tgz"
    shown.add_downloads(nvidia, name)
    shown.sections[-1] += f'[pin.sha256]\n"{name}" = "{"0" * 64}"\n'
    shown.write()
    assert f"the pin says {'0' * 64}" in refused(shown, 5, "lock")


def test_an_artifact_that_is_not_what_its_name_says_is_refused(shown: Project, nvidia: Nvidia) -> None:
    name = "cudnn-11.1-linux-x64-v8.0.4.30.tgz"
    shutil.copyfile(nvidia.built().archive, nvidia.downloads / name)
    shown.add_downloads(nvidia, name)
    shown.accept_eula(nvidia.built().parts.licence)
    shown.run("lock")
    shown.run("sync")
    assert "8.0.4" in refused(shown, 10, "repackage")


def test_a_truncated_artifact_in_the_store_is_found_before_it_is_used(shown: Project, nvidia: Nvidia) -> None:
    shown.add_downloads(nvidia)
    shown.accept_eula(nvidia.built().parts.licence)
    shown.run("lock")
    shown.run("sync")
    file = shown.object(nvidia.built().archive.read_bytes())
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    times = file.stat()
    file.chmod(0o644)
    file.write_bytes(data)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))  # as a dying disk does
    told = refused(shown, 5, "repackage")
    assert nvidia.built().archive.name in told
    file.write_bytes(data[:-1])
    assert "is not in the store" in refused(shown, 3, "repackage")
    shown.run("sync")
    shown.run("repackage")


def test_the_error_begins_with_file_line_and_column(project: Project) -> None:
    project.init()
    file = project.base / "cudepot.toml"
    text = file.read_text()
    for wrong, line, column in (
        ('[[pin]]\nupstream = "nobody"\npackages = ["x"]\n', 2, 12),
        ("[[pin]]\npackage = []\nupstream = 'x'\n", 1, 1),
        ("[[pin]]\nupstream = [1 2]\n", 2, 15),
        ("[[environment]]\nname = 'train'\nplatfroms = ['linux-64']\n", 3, 1),
    ):
        file.write_text(text + wrong)
        at = f"{file}:{text.count(chr(10)) + line}:{column}: "
        assert project.fail(3, "status").error.startswith(f"error E100: {at}")

"""What an attack on cudepot found, each once more: it must stay mended."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Nvidia
from simulator.project import APT, Project

from cudepot.errors import FormatError, UpstreamError
from cudepot.formats.wheel_read import read_metadata
from cudepot.transport.http.source import HttpSource


def _shell(project: Project, verb: str) -> str:
    return f"{sys.executable} -m cudepot.cli.main {verb} -C {project.base}"


def test_a_redirect_with_an_endless_body_is_not_read(nvidia: Nvidia) -> None:
    body = f"{nvidia.apt_path}/InRelease"
    nvidia.server.endless(body)
    nvidia.server.redirect("/here", nvidia.url + body)
    nvidia.server.redirect("/round", f"{nvidia.url}/round")
    source = HttpSource(nvidia.url, user_agent="test")
    with pytest.raises(UpstreamError, match="more than 100 bytes"):
        source.read("here", limit=100)
    with pytest.raises(UpstreamError, match="redirects"):
        source.read("round", limit=100)


@pytest.mark.parametrize("target", ["http://[bad/", "file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_to_nowhere_is_an_error_of_the_upstream(nvidia: Nvidia, target: str) -> None:
    nvidia.server.redirect("/here", target)
    with pytest.raises(UpstreamError, match="redirected to"):
        HttpSource(nvidia.url, user_agent="test").read("here", limit=100)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_wheel_packed_in_an_odd_way_is_refused_unread(tmp_path: Path, method: int) -> None:
    path = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("x-1.dist-info/METADATA", b"Name: x\n" * 1000)
    with path.open("rb") as handle, pytest.raises(FormatError, match="compressed with method"):
        read_metadata(handle)


def test_a_wheel_with_an_absurd_directory_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x-1.dist-info/METADATA", b"Name: x\n")
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\5\6")
    data[at + 12 : at + 16] = (40 << 20).to_bytes(4, "little")
    path.write_bytes(data)
    with path.open("rb") as handle, pytest.raises(FormatError, match="a directory of"):
        read_metadata(handle)


def test_a_build_record_cannot_lead_out_of_the_site(project: Project, nvidia: Nvidia) -> None:
    project.add_downloads(nvidia)
    project.accept_eula(nvidia.built().parts.licence)
    for verb in ("lock", "sync", "repackage"):
        project.run(verb)
    for path in (project.base / "store" / "builds").glob("*.json"):
        record = json.loads(path.read_text())
        record["built"][0]["subdir"] = "../../../../pwn"
        path.write_text(json.dumps(record))
    assert "has not been repackaged" in project.fail(3, "publish").error
    assert not (project.base.parent / "pwn").exists()


def test_credentials_in_a_url_are_refused_before_they_can_be_published(project: Project, nvidia: Nvidia) -> None:
    project.add("upstream", name="w", type="simple", url="http://bob:s3cret@127.0.0.1/simple/")
    done = project.fail(3, "lock")
    assert "would be published" in done.error
    assert "s3cret" not in done.out + done.err


def test_who_listens_may_leave_and_the_work_is_done_all_the_same(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    project.run("lock")
    command = f"{_shell(project, 'sync')} 2>&1 | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], env=project.env, check=False, capture_output=True)
    assert done.returncode == 0
    assert project.run("sync", "--json").json["fetched_files"] == 0


def test_ctrl_c_does_not_wait_for_the_transfers(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    project.run("lock")
    stall = nvidia.server.stall("*.deb", 1000)
    process = project.start("sync", prefix=("env", "--default-signal=INT"))  # a job in the background ignores it
    assert stall.reached.wait(30)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)  # the read that is stuck would take 60 s to give up
    stall.release()
    assert process.returncode == 130
    assert "interrupted" in told


def test_temporary_files_lie_in_the_store_where_the_next_run_removes_them(
    project: Project, nvidia: Nvidia, tmp_path: Path
) -> None:
    real, noted = shutil.which("gpgv"), tmp_path / "noted"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gpgv").write_text(f'#!/bin/sh\necho "$@" >> {noted}\nexec {real} "$@"\n')
    (tmp_path / "bin/gpgv").chmod(0o755)
    project.env["PATH"] = f"{tmp_path / 'bin'}:{project.env['PATH']}"
    (project.store / "tmp/cudepot-gpgv-left").mkdir()  # by a run that was killed
    project.add_apt(nvidia)
    project.run("lock")
    homes = re.findall(r"--homedir (\S+)", noted.read_text())
    assert homes
    assert all(Path(one).parent == project.store / "tmp" for one in homes), homes
    assert list((project.store / "tmp").iterdir()) == []


def test_a_deb_that_is_not_what_the_index_says_is_not_published(project: Project, nvidia: Nvidia) -> None:
    deb = write_deb(simple_deb("bash", "99.0"), nvidia.folder)
    nvidia.repo.add(deb)
    lied = nvidia.repo.stanzas[-1].replace("Package: bash", "Package: libgood").replace("Version: 99.0", "Version: 1.0")
    nvidia.repo.stanzas[-1] = lied
    nvidia.repo.publish()
    project.add_apt(nvidia, "libgood")
    project.run("lock")
    assert "describes itself as bash 99.0" in project.fail(10, "sync").error
    assert "describes itself as bash 99.0" in project.fail(10, "publish").error


def test_a_site_with_a_foreign_link_is_shown_right_again(project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    project.add_apt(nvidia)
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    current = project.base / "site" / "current"
    (tmp_path / "elsewhere" / "000001").mkdir(parents=True)
    current.unlink()
    current.symlink_to(tmp_path / "elsewhere" / "000001")
    assert project.run("status", "--json").json["shown"] is None
    project.run("publish")
    assert str(current.readlink()) == "snapshots/000001"


def test_links_in_a_site_are_found(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    (project.base / "site" / "current" / "etc").symlink_to("/etc")
    assert "not part of the snapshot" in project.run("verify", check=False).out


def test_a_site_can_be_read_whatever_the_umask(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    project.run("lock")
    for mask, verb in (("000", "sync"), ("077", "publish")):
        command = f"umask {mask}; {_shell(project, verb)}"
        subprocess.run(["bash", "-c", command], env=project.env, check=True, capture_output=True)
    assert not [one for one in project.store.rglob("*") if one.stat().st_mode & 0o002], "nobody else may change it"
    site = project.base / "site"
    for path in (site, *site.rglob("*")):
        if not path.is_symlink():
            assert path.stat().st_mode & 0o444 == 0o444, path


def test_a_run_that_changes_nothing_keeps_every_generation(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    for version in ("1.0", "1.1", "1.2"):
        nvidia.repo.add(write_deb(simple_deb("foo", version), nvidia.folder))
        nvidia.repo.publish()
        project.add("pin", upstream=APT, packages=[f"foo={version}"])
        for verb in ("lock", "sync", "publish"):
            project.run(verb)
    hashed = project.base / "site" / "current" / "apt" / "ubuntu2004" / "x86_64" / "by-hash" / "SHA256"
    before = sorted(path.name for path in hashed.iterdir())
    assert len(before) == 9
    for _ in range(2):
        assert project.run("publish", "--json").json["fresh"] is False
        assert sorted(path.name for path in hashed.iterdir()) == before


def test_damaged_roots_are_made_anew(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    tree = json.loads((project.base / "site" / "current" / "snapshot.json").read_text())["tree"]
    for name in ("InRelease", "Release", "Packages.gz"):
        digest = tree[f"apt/ubuntu2004/x86_64/{name}"]["sha256"]
        (project.base / "store" / "objects" / digest[:2] / digest).unlink()
    project.run("publish")
    faults = project.run("verify", "--json", check=False).json["faults"]
    assert [one for one in faults if not one.startswith("snapshot 1:")] == []


def test_a_new_store_does_not_make_an_old_release_good(project: Project, nvidia: Nvidia) -> None:
    """The lock remembers the date, whichever of InRelease and Release it was read from."""
    old = {name: (nvidia.repo.folder / name).read_bytes() for name in ("Release", "Release.gpg")}
    nvidia.repo.publish()
    project.add_apt(nvidia)
    project.run("lock")
    shutil.rmtree(project.store)
    project.run("init")
    for name, data in old.items():
        nvidia.repo.put(nvidia.repo.folder / name, data)
    nvidia.server.missing(f"{nvidia.apt_path}/InRelease")
    assert "older than the one of" in project.fail(5, "lock").error

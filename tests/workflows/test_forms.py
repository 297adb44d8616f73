"""One release in every form, through the real command: the same packages; hostile editions: refused, nothing made."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from simulator.cudnn import CudnnRelease, parts, write_archive
from simulator.debs import write_debs
from simulator.installers import write_installer
from simulator.nvidia import Artifacts
from simulator.project import Project
from simulator.rpms import cudnn_rpms, samples_rpm, write_rpm
from simulator.windows import write_zip
from tests.formats.test_deb import deb as deb_of
from tests.formats.test_rpm import cpio, entry, rpm

RELEASE = CudnnRelease("8.0.5.39", "11.1")


def want(project: Project, name: str, folder: Path, *globs: str, **pin: object) -> None:
    project.add("upstream", name=name, type="folder", path=str(folder))
    project.add("pin", upstream=name, packages=list(globs or ("*",)), recipe="cudnn", **pin)


def test_tgz_debs_and_rpms_of_one_release_give_the_very_same_packages(project: Project, tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("tgz", "deb", "rpm")}
    for folder in folders.values():
        folder.mkdir()
    write_archive(RELEASE, folders["tgz"])
    for path in write_debs(RELEASE, folders["deb"]):
        if "samples" in path.name:
            path.unlink()
    for one in (*cudnn_rpms(RELEASE), samples_rpm(RELEASE)):
        write_rpm(one, folders["rpm"])
    project.accept_eula(parts(RELEASE).licence)
    made = {}
    for name, folder in folders.items():
        project.sections.clear()
        want(project, name, folder)
        project.run("lock")
        project.run("sync")
        answer = project.run("repackage", "--json").json
        made[name] = {one["filename"]: one["digest"] for one in answer["built"] if "samples" not in one["filename"]}
    assert {Path(one).suffix for one in made["tgz"]} == {".conda", ".whl"}
    assert made["tgz"] == made["deb"] == made["rpm"]


def test_rpms_of_cudnn_9_take_the_licence_text_from_their_samples(project: Project, tmp_path: Path) -> None:
    release = CudnnRelease("9.8.0.87", "12")
    folder = tmp_path / "rpms"
    folder.mkdir()
    for one in cudnn_rpms(release):
        write_rpm(one, folder)
    want(project, "rpms", folder)
    project.accept_eula(parts(release).licence)
    project.run("lock")
    project.run("sync")
    done = project.fail(6, "repackage")
    assert "no licence text" in done.error
    assert "libcudnn9-samples-9.8.0.87-1.x86_64.rpm" in done.hint
    write_rpm(samples_rpm(release), folder)
    project.run("lock")
    project.run("sync")
    names = {one["filename"].rsplit("-", 2)[0] for one in project.run("repackage", "--json").json["built"]}
    assert {"cudnn", "cudnn-samples"} <= names


def test_debs_out_of_a_local_repo_installer_are_repackaged(
    project: Project, nvidia_artifacts: Artifacts, tmp_path: Path
) -> None:
    key = nvidia_artifacts.keys.generate("cudnn-local <cudatools@example.com>")
    built = nvidia_artifacts.releases["11.1"]
    file = write_installer(tmp_path, nvidia_artifacts.keys, key, *built.debs)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    project.add("upstream", name="local", type="local-repo", path=str(file), sha256=digest)
    project.add("pin", upstream="local", packages=["libcudnn8", "libcudnn8-dev"], recipe="cudnn")
    project.accept_eula(built.parts.licence)
    project.run("lock")
    project.run("sync")
    names = [one["filename"] for one in project.run("repackage", "--json").json["built"]]
    assert any(name.endswith(".conda") for name in names)
    assert any(name.endswith(".whl") for name in names)


def tar(name: str, data: bytes = b"x", **fields: object) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        good = tarfile.TarInfo("cuda/include/cudnn.h")
        made.addfile(good, io.BytesIO())
        info = tarfile.TarInfo(name)
        info.size = len(data) if not fields else 0
        for key, value in fields.items():
            setattr(info, key, value)
        made.addfile(info, io.BytesIO(data if not fields else b""))
    return out.getvalue()


def zipped(name: str, data: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("cuda/include/cudnn.h", b"")
        made.writestr(name, data)
    return out.getvalue()


FORMS: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "tgz": ("cudnn-11.1-linux-x64-v8.0.5.39.tgz", lambda name: gzip.compress(tar(name))),
    "tar.xz": ("cudnn-linux-x86_64-8.9.7.29_cuda11-archive.tar.xz", lambda name: lzma.compress(tar(name))),
    "zip": ("cudnn-11.1-windows-x64-v8.0.5.39.zip", zipped),
    "wheel": ("nvidia_cudnn_cu11-8.5.0.96-py3-none-manylinux1_x86_64.whl", zipped),
    "deb": ("libcudnn8_8.0.5.39-1+cuda11.1_amd64.deb", lambda name: deb_of(tar(name))),
    "rpm": (
        "libcudnn8-8.0.5.39-1.cuda11.1.x86_64.rpm",
        lambda name: rpm(gzip.compress(cpio(entry("usr/include/cudnn.h"), entry(name, b"x")))),
    ),
}
NAMES = {
    "absolute": "/tmp/cudepot-evil",
    "dot-dot": "cuda/../../cudepot-evil",
    "not-cudnn": "cuda/bin/cudepot-evil",
}


def kept(project: Project) -> dict[str, tuple[str, int]]:
    """Return everything but the process lock and the log of runs."""
    return {path: one for path, one in project.everything().items() if not path.endswith(("/store/lock", ".log"))}


def refused(project: Project, name: str, data: bytes, tmp_path: Path) -> str:
    """Repackaging must fail with 10, name the file and make nothing; return the error."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / name).write_bytes(data)
    want(project, tmp_path.name.lower(), folder)
    project.run("lock")
    project.run("sync")
    before = kept(project)
    error = project.fail(10, "repackage").error
    assert kept(project) == before, "nothing was written"
    assert not list(tmp_path.rglob("*evil*"))
    assert not Path("/tmp/cudepot-evil").exists()
    return error


@pytest.mark.parametrize("form", FORMS)
def test_hostile_names_are_refused_in_every_form(project: Project, form: str, tmp_path: Path) -> None:
    name, make = FORMS[form]
    for case, member in NAMES.items():
        folder = tmp_path / case
        folder.mkdir()
        project.sections.clear()
        assert "evil" in refused(project, name, make(member), folder), case


OTHERS = {
    "device": (FORMS["tgz"][0], gzip.compress(tar("cuda/evil", type=tarfile.CHRTYPE))),
    "link out": (FORMS["tgz"][0], gzip.compress(tar("cuda/evil", type=tarfile.SYMTYPE, linkname="/etc/evil"))),
    "twice": (FORMS["tgz"][0], gzip.compress(tar("cuda/include/cudnn.h"))),
    "deb device": (FORMS["deb"][0], deb_of(tar("usr/evil", type=tarfile.BLKTYPE))),
    "rpm device": (FORMS["rpm"][0], rpm(gzip.compress(cpio(entry("usr/evil", mode=0o060600))))),
    "rpm link out": (FORMS["rpm"][0], rpm(gzip.compress(cpio(entry("usr/evil", b"../../etc", 0o120777))))),
    "xz in a tgz": (FORMS["tgz"][0], lzma.compress(tar("cuda/x"))),
    "gzip in a tar.xz": (FORMS["tar.xz"][0], gzip.compress(tar("cuda/x"))),
    "gzip in an xz rpm": (FORMS["rpm"][0], rpm(gzip.compress(cpio()), "xz")),
    "html": (FORMS["tgz"][0], b"<html>log in first</html>"),
    "cut tgz": (FORMS["tgz"][0], gzip.compress(tar("cuda/x"))[:-20]),
    "cut zip": (FORMS["zip"][0], zipped("cuda/x")[:-20]),
    "cut rpm": (FORMS["rpm"][0], rpm(gzip.compress(cpio(entry("usr/include/cudnn.h"))))[:-20]),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_hostile_and_damaged_files_are_refused(project: Project, case: str, tmp_path: Path) -> None:
    name, data = OTHERS[case]
    assert name in refused(project, name, data, tmp_path) or "evil" in case


def test_a_download_whose_name_says_nothing_is_known_by_its_bytes_only(project: Project, tmp_path: Path) -> None:
    write_zip(RELEASE, tmp_path).rename(tmp_path / "download.zip")
    want(project, "downloads", tmp_path, "download.zip")
    assert "does not say which release" in project.fail(6, "lock").error


def test_a_published_name_with_other_bytes_is_told(project: Project, tmp_path: Path) -> None:
    write_archive(RELEASE, tmp_path)
    want(project, "downloads", tmp_path, "*.tgz")
    done = project.run("lock")
    assert "NVIDIA published this name with different content" in done.err
    assert tomllib.loads(project.lock.read_text())["artifact"][0]["release"]["version"] == "8.0.5.39"

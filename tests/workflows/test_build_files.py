"""``cudepot build``: one command from files to packages that real clients install, the same as through a project."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from simulator.cudnn import CudnnRelease, parts, write_archive
from simulator.debs import write_debs
from simulator.installers import write_installer
from simulator.nvidia import Nvidia
from simulator.process import clean_env
from simulator.project import Done, Project
from simulator.rpms import cudnn_rpms, samples_rpm, write_rpm
from simulator.wheels import write_cublas_wheel
from simulator.windows import write_zip
from tests.clients import conda_env
from tests.clients.python_env import PythonEnv, load_cudnn

import cudepot
from cudepot.digest import hexdigest

RELEASE = CudnnRelease("8.0.5.39", "11.1")
SHA = hexdigest(parts(RELEASE).licence)
CLI = (sys.executable, "-m", "cudepot.cli.main")
ENV = clean_env(PYTHONPATH=str(Path(cudepot.__file__).parent.parent), PAGER="cat", CUDEPOT_DEBUG="")


def cudepot_in(folder: Path, *argv: str | Path) -> Done:
    """Run the command in a folder without a project; it has neither key nor network."""
    done = subprocess.run([*CLI, *argv], cwd=folder, env=ENV, capture_output=True, text=True, check=False)
    return Done(tuple(map(str, argv)), done.returncode, done.stdout, done.stderr)


def made(folder: Path) -> dict[str, str]:
    """Return the packages below a folder by path, with their hashes."""
    files = [one for one in folder.rglob("*") if one.suffix in (".conda", ".whl")]
    return {str(one.relative_to(folder)): hexdigest(one.read_bytes()) for one in files}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return write_archive(RELEASE, tmp_path / "in")


def test_one_command_makes_what_conda_and_pip_install(archive: Path, nvidia: Nvidia, tmp_path: Path) -> None:
    done = cudepot_in(tmp_path, "build", archive, "--accept-licence", SHA, "--json")
    assert done.rc == 0, done
    paths = [Path(one["path"]) for one in done.json["made"]]
    assert [one.suffix for one in paths] == [".conda", ".whl"]
    assert {one.name for one in tmp_path.iterdir()} == {"in", "dist"}, "nothing else is left"
    forge = conda_env.standin_channel(tmp_path / "forge")
    found = conda_env.create([tmp_path / "dist", forge], ["cudnn"], tmp_path / "env")
    assert found["cudnn"].version == "8.0.5.39"
    assert load_cudnn(tmp_path / "env/lib", "libcudnn.so.8") == 8005
    env = PythonEnv(tmp_path / "venv")
    env.pip_install(nvidia.simple_url, str(tmp_path / paths[1]))
    assert "8.0.5.39+site.1" in env.pip("list").stdout


def test_the_bytes_are_those_of_a_project(archive: Path, project: Project, tmp_path: Path) -> None:
    project.add("upstream", name="downloads", type="folder", path=str(archive.parent))
    project.add("pin", upstream="downloads", packages=["*"], recipe="cudnn")
    project.accept_eula(parts(RELEASE).licence)
    project.run("lock")
    project.run("sync")
    through = {one["filename"]: one["digest"]["sha256"] for one in project.run("repackage", "--json").json["built"]}
    beside = cudepot_in(tmp_path, "build", archive, "--label", "acme", "--accept-licence", SHA)
    assert beside.rc == 0, beside
    assert {Path(path).name: sha for path, sha in made(tmp_path / "dist").items()} == through
    inside = cudepot_in(tmp_path, "build", "-C", project.base, archive, "-o", "out")
    assert inside.rc == 0, "label and licence are those of the project"
    assert made(tmp_path / "out") == made(tmp_path / "dist")


def test_each_form_of_a_release_makes_the_same(archive: Path, tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("debs", "rpms")}
    for folder in folders.values():
        folder.mkdir()
    write_debs(RELEASE, folders["debs"])
    for one in (*cudnn_rpms(RELEASE), samples_rpm(RELEASE)):
        write_rpm(one, folders["rpms"])
    found = {}
    for name, given in {**folders, "tgz": archive, "all": archive.parent}.items():
        done = cudepot_in(tmp_path, "build", given, "-o", f"out-{name}", "--accept-licence", SHA[:8])
        assert done.rc == 0, done
        found[name] = {path: sha for path, sha in made(tmp_path / f"out-{name}").items() if "samples" not in path}
    assert found["debs"] == found["rpms"] == found["tgz"] == found["all"]
    both = cudepot_in(tmp_path, "build", folders["debs"], archive, "-o", "both", "--accept-licence", SHA)
    assert both.rc == 0, both


def test_a_windows_zip_and_a_choice_of_outputs(tmp_path: Path) -> None:
    given = write_zip(RELEASE, tmp_path)
    sha = cudepot_in(tmp_path, "licence", "list", given, "--json").json["licences"][0]["sha256"]
    for flag, suffix in (("--conda", ".conda"), ("--wheel", ".whl")):
        done = cudepot_in(tmp_path, "build", given, flag, "-o", flag[2:], "--accept-licence", sha)
        assert done.rc == 0, done
        assert {Path(one).suffix for one in made(tmp_path / flag[2:])} == {suffix}


def test_the_hint_about_the_licence_can_be_followed(archive: Path, tmp_path: Path) -> None:
    archive = archive.rename(tmp_path / archive.name)
    (tmp_path / "it's here").mkdir()  # a name that shells read otherwise
    archive = archive.rename(tmp_path / "it's here" / archive.name)
    refused = cudepot_in(tmp_path, "build", archive)
    assert refused.rc == 8
    assert refused.error.startswith("error E600")
    assert not (tmp_path / "dist").exists()
    show = refused.hint.partition("`")[2].partition("`")[0]
    shown = subprocess.run(
        ["sh", "-c", show.replace("cudepot", " ".join(CLI), 1)], env=ENV, capture_output=True, text=True, check=True
    )
    assert parts(RELEASE).licence.decode() in shown.stdout
    accept = refused.hint.rpartition("again with ")[2].split()
    assert cudepot_in(tmp_path, "build", archive, *accept).rc == 0


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 8), ("", 8)])
def test_on_a_terminal_the_text_is_shown_and_asked_for(archive: Path, tmp_path: Path, answer: str, code: int) -> None:
    rc, told = on_terminal(tmp_path, f"{answer}\n", "build", str(archive), "--quiet")
    assert rc == code, told
    assert parts(RELEASE).licence.decode().splitlines()[0] in told
    assert bool(made(tmp_path)) == (code == 0)


def on_terminal(folder: Path, typed: str, *argv: str) -> tuple[int, str]:
    """Run the command on a terminal where somebody types; return its exit status and all that the terminal shows."""
    master, terminal = pty.openpty()
    child = subprocess.Popen([*CLI, *argv], cwd=folder, env=ENV, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    os.write(master, typed.encode())
    shown = b""
    while True:
        try:
            chunk = os.read(master, 4096)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(master)
    return child.wait(timeout=120), shown.decode().replace("\r\n", "\n")


def test_a_dry_run_makes_nothing(archive: Path, tmp_path: Path) -> None:
    done = cudepot_in(tmp_path, "build", archive, "-n", "--json")
    assert done.rc == 0
    assert done.json["licences"] == [{"sha256": SHA, "releases": ["cudnn 8.0.5.39"]}]
    assert done.json["releases"] == ["cudnn 8.0.5.39 for CUDA 11.1 on linux-64 (archives)"]
    assert {one.name for one in tmp_path.iterdir()} == {"in"}


def test_libraries_without_their_headers_name_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    runtime, dev, _ = write_debs(RELEASE, tmp_path / "in")
    done = cudepot_in(tmp_path, "build", runtime, "--accept-licence", SHA)
    assert done.rc == 6
    assert "no header" in done.error
    assert dev.name in done.hint
    assert not (tmp_path / "dist").exists()
    assert cudepot_in(tmp_path, "build", runtime, dev, "--accept-licence", SHA).rc == 0


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("libfoo_1_amd64.deb", "libcudnn9-cuda-13_9.12.0.46-1_amd64.deb"),
        ("cudnn.tar.xz", "cudnn-linux-x86_64-9.12.0.46_cuda13-archive.tar.xz"),
        ("notes.txt", "tgz, tar.xz, zip, deb, rpm and whl files"),
        ("cudnn-local-repo-ubuntu2204-9.12.0_1.0-1_amd64.deb", "dpkg-deb -x"),
    ],
)
def test_an_unknown_file_is_told_what_it_could_be(tmp_path: Path, name: str, hint: str) -> None:
    (tmp_path / name).write_bytes(b"?")
    done = cudepot_in(tmp_path, "build", name)
    assert done.rc == 6
    assert name in done.error
    assert hint in done.hint


def test_the_hint_about_an_installer_can_be_followed(nvidia: Nvidia, tmp_path: Path) -> None:
    key = nvidia.keys.generate("cudnn-local <cudatools@example.com>")
    installer = write_installer(tmp_path / "made", nvidia.keys, key, *nvidia.built().debs)
    refused = cudepot_in(tmp_path, "build", installer)
    unpack = refused.hint.partition("`")[2].partition("`")[0]
    subprocess.run(["sh", "-c", unpack], cwd=tmp_path, check=True)
    (inside,) = {one.parent for one in (tmp_path / "unpacked/var").rglob("*.deb")}
    done = cudepot_in(tmp_path, "build", inside, "--wheel", "--accept-licence", SHA)
    assert done.rc == 0, done


def test_a_component_of_an_unknown_cuda_asks_for_it(tmp_path: Path) -> None:
    wheel = write_cublas_wheel("13", "13.99.0.1", tmp_path)
    done = cudepot_in(tmp_path, "build", wheel, "-n")
    assert done.rc == 6
    assert "--cuda" in done.hint
    assert cudepot_in(tmp_path, "build", wheel, "-n", "--cuda", "13.9").rc == 0


def test_what_a_folder_holds_beside_is_left_out_and_told(archive: Path, tmp_path: Path) -> None:
    (archive.parent / "notes.txt").write_text("mine")
    done = cudepot_in(tmp_path, "build", "in", "-n")
    assert done.rc == 0
    assert "in: skipped files of other kinds: 1" in done.out
    (archive.parent / "other.deb").write_bytes(b"?")
    assert "other.deb: skipped: neither its name nor its content" in cudepot_in(tmp_path, "build", "in", "-n").out
    empty = tmp_path / "empty"
    empty.mkdir()
    assert cudepot_in(tmp_path, "build", "empty").rc == 6
    assert "no such file" in cudepot_in(tmp_path, "build", "missing.tgz").error


def test_a_damaged_archive_is_refused(archive: Path, tmp_path: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:2000])
    done = cudepot_in(tmp_path, "build", archive, "--accept-licence", SHA)
    assert done.rc == 10, done
    assert archive.name in done.error
    assert not (tmp_path / "dist").exists()


def test_the_index_knows_what_was_there_before(archive: Path, nvidia: Nvidia, tmp_path: Path) -> None:
    older = nvidia.artifacts.build(CudnnRelease("7.6.5.32", "10.2"))
    for given, text in ((archive, parts(RELEASE).licence), (older.archive, older.parts.licence)):
        assert cudepot_in(tmp_path, "build", given, "--conda", "--accept-licence", hexdigest(text)).rc == 0
    forge = conda_env.standin_channel(tmp_path / "forge")
    for spec in ("cudnn=8", "cudnn=7"):
        found = conda_env.solve([tmp_path / "dist", forge], [spec], tmp_path / "cache", cuda="11.1")
        assert found["cudnn"].version.startswith(spec.partition("=")[2])


def test_a_label_wheels_cannot_bear_is_refused(archive: Path, tmp_path: Path) -> None:
    assert "--label must be lower-case" in cudepot_in(tmp_path, "build", archive, "--label", "A B").error

"""``doctor`` where installers and packagers put things, and something there is wrong; numbers are public issues."""

from __future__ import annotations

from pathlib import Path

from tests.workflows.test_doctor_layouts import LIBRARIES, SITE, bad, look, only, venv
from tests.workflows.test_doctor_places import WHEEL, debians_installer, jetson, nix

from simulator import cudnn_trees as trees


def test_a_venv_does_not_see_what_pip_has_put_into_the_home(tmp_path: Path) -> None:
    venv(tmp_path)
    trees.put_wheel(tmp_path / "root/.local" / SITE, (9, 1, 0))
    trees.put_torch(tmp_path / "root/.local" / SITE, asks="9.1.0.70")
    programs = look(tmp_path, VIRTUAL_ENV="/opt/venv").programs
    assert [one.path for one in programs if one.prefix == "/opt/venv"] == [f"/opt/venv/{SITE}/{WHEEL}"]


def test_a_venv_of_two_lib_folders(tmp_path: Path) -> None:
    """pytorch #165812: torch in lib64, NVIDIA's wheels in lib; CUDA's runtime comes from the toolkit, so torch, which
    loads the wheels itself only where that is missing, does not."""
    site = tmp_path / "opt/venv/lib64/python3.11/site-packages"
    trees.put_torch(site)
    trees.put_wheel(tmp_path / "opt/venv" / SITE)
    trees.put_cuda(tmp_path / LIBRARIES)
    (tmp_path / "opt/venv/pyvenv.cfg").touch()
    assert bad(tmp_path, "/opt/venv") == []
    deps = trees.library("libtorch_global_deps.so", needed=("libcublas.so.12",))
    (site / "torch/lib/libtorch_global_deps.so").write_bytes(deps)
    assert only(tmp_path, "/opt/venv").name == "not-found"


def test_parts_of_cudnn_8_that_a_mangled_library_does_not_reach(tmp_path: Path) -> None:
    """faster-whisper #297: the wheel is in the home, and LD_LIBRARY_PATH does not name it."""
    site = tmp_path / "root/.local" / SITE
    trees.put_mangled(site, (8, 9, 7))
    trees.put_wheel(site, (8, 9, 7))
    trees.put_cuda(tmp_path / LIBRARIES)
    (tmp_path / "usr/lib").mkdir(exist_ok=True)
    one = only(tmp_path)
    assert one.name == "parts-unreachable"
    assert bad(tmp_path, LD_LIBRARY_PATH=f"/root/.local/{SITE}/nvidia/cudnn/lib") == []


def test_another_version_preloaded(tmp_path: Path) -> None:
    venv(tmp_path)
    trees.put_cudnn(tmp_path / "opt/old", (9, 1, 0))
    one = only(tmp_path, VIRTUAL_ENV="/opt/venv", LD_PRELOAD="/opt/old/libcudnn.so.9")
    assert one.name == "shadowed"
    assert one.what.startswith("LD_PRELOAD makes torch 2.9.1 of /opt/venv load /opt/old/libcudnn.so.9 (9.1.0), not ")
    assert one.remedy == "remove /opt/old/libcudnn.so.9 out of LD_PRELOAD (unset LD_PRELOAD)"


def test_conda_sees_what_is_in_the_home(tmp_path: Path) -> None:
    """A wheel of pip install --user hides conda's Python package; the environment does not keep it out."""
    trees.conda(tmp_path / "opt/conda")
    (tmp_path / "opt/conda/bin").mkdir()
    trees.put_torch(tmp_path / "root/.local" / SITE, asks="9.14.0.64")
    trees.put_wheel(tmp_path / "root/.local" / SITE)
    assert bad(tmp_path, CONDA_PREFIX="/opt/conda") == ["too-old"]


def test_an_environment_of_nix_whose_cudnn_is_cut(tmp_path: Path) -> None:
    one = nix(tmp_path)
    path = tmp_path / "nix/store/aa-cudnn-9.10.2/lib/libcudnn_cnn.so.9.10.2"
    path.write_bytes(path.read_bytes()[:1000])
    assert bad(tmp_path, one.prefix) == ["unreadable-library"]


def test_a_container_of_jetson_without_its_runtime(tmp_path: Path) -> None:
    """jetson-containers #21: the files are mounted by the runtime; without it they are empty."""
    jetson(tmp_path)
    for one in (tmp_path / "usr/lib/aarch64-linux-gnu").glob("libcudnn*.so.8.6.0"):
        one.write_bytes(b"")
    assert "unreadable-library" in bad(tmp_path)


def test_a_sync_of_uv_that_leaves_cudnn_out(tmp_path: Path) -> None:
    """sleap-nn #632: torch is there, the wheel it names is not."""
    trees.put_torch(tmp_path / "opt/venv" / SITE)
    (tmp_path / "opt/venv/pyvenv.cfg").touch()
    (one,) = [one for one in look(tmp_path, "/opt/venv").findings if one.name == "not-found"]
    assert one.remedy == "pip install 'nvidia-cudnn-cu12>=9.10.2.21,<10'"


def test_debians_installer_is_the_owner_that_mends(tmp_path: Path) -> None:
    debians_installer(tmp_path)
    path = tmp_path / LIBRARIES / "libcudnn_cnn_infer.so.8.9.7"
    path.write_bytes(path.read_bytes()[:1000])
    one = next(one for one in look(tmp_path).findings if one.name == "unreadable-library")
    assert one.remedy == "apt-get install --reinstall nvidia-cudnn"


def test_a_program_that_brings_a_folder_of_its_own_gets_full_names_of_the_system(tmp_path: Path) -> None:
    """koharu #694: it loads its own by path, with SONAMEs only; the system's are newer, and in part of its version."""
    own = tmp_path / "srv/app/runtime"
    trees.put_wheel(tmp_path / "srv/made", (9, 10, 2))
    (tmp_path / "srv/made/nvidia/cudnn/lib").rename(own.parent.parent / "lib")
    own.parent.mkdir()
    (tmp_path / "srv/lib").rename(own)
    trees.put_cuda(tmp_path / LIBRARIES)
    result = look(tmp_path, "/srv/app/runtime")
    assert list(result.findings) == []
    assert [(one.name, one.path) for one in result.programs] == [
        ("programs that load it by its path", "/srv/app/runtime/libcudnn.so.9")
    ]
    (own / "libcudnn_graph.so.9").unlink()
    trees.put_cudnn(tmp_path / LIBRARIES, (9, 22, 0), runpath="")
    assert "foreign-part" in bad(tmp_path, "/srv/app/runtime")

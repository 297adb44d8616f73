"""``doctor`` where installers and packagers put things: what works is silent, with the copy that is loaded named.

Each row is a layout people have; those with a number come from its public issue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
from tests.workflows.test_doctor_layouts import LIBRARIES, SITE, look, venv

from simulator import cudnn_trees as trees

WHEEL = "nvidia/cudnn/lib/libcudnn.so.9"


class Layout(NamedTuple):
    """How it is looked at, and the file that ``program`` then gets (``torch`` or those that ask the loader)."""

    taken: str
    prefix: str = ""
    variables: Mapping[str, str] = MappingProxyType({})
    program: str = "torch 2.9.1"


def uv_links(root: Path) -> Layout:
    """uv with --link-mode=symlink: every file is a link into its cache; $ORIGIN is that of the link."""
    site = venv(root)
    cache = root / "root/.cache/uv/archive-v0/Xy"
    for path in sorted(one for one in site.rglob("*.so*") if not one.is_symlink()):
        target = cache / path.relative_to(site)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
        path.symlink_to(f"/{target.relative_to(root)}")
    return Layout(f"/opt/venv/{SITE}/{WHEEL}", "/opt/venv")


def uv_python(root: Path) -> Layout:
    """The python3 on PATH is a link to one that uv manages: packages are there, not beside the link."""
    home = root / "root/.local/share/uv/python/cpython-3.11-linux-x86_64-gnu"
    venv(root, where=str(home.relative_to(root)))
    (home / "pyvenv.cfg").unlink()
    (home / "bin").mkdir()
    (home / "bin/python3.11").touch()
    (root / "usr/local/bin").mkdir(parents=True)
    (root / "usr/local/bin/python3").symlink_to(
        "/root/.local/share/uv/python/cpython-3.11-linux-x86_64-gnu/bin/python3.11"
    )
    return Layout(f"/{home.relative_to(root)}/{SITE}/{WHEEL}")


def pipx(root: Path) -> Layout:
    venv(root, where="root/.local/share/pipx/venvs/whisper")
    return Layout(f"/root/.local/share/pipx/venvs/whisper/{SITE}/{WHEEL}", "/root/.local/share/pipx/venvs/whisper")


def stacked_conda(root: Path) -> Layout:
    """conda activate --stack: two environments on PATH, one of them active."""
    for name, version in (("base", (9, 1, 0)), ("top", (9, 10, 2))):
        trees.conda(root / f"opt/conda/envs/{name}")
        trees.put_wheel(root / f"opt/conda/envs/{name}" / SITE, version)
        trees.put_cuda(root / f"opt/conda/envs/{name}" / SITE / "nvidia/cublas/lib")
    trees.put_torch(root / "opt/conda/envs/top" / SITE)
    return Layout(f"/opt/conda/envs/top/{SITE}/{WHEEL}", "", {"CONDA_PREFIX": "/opt/conda/envs/top"})


def nix(root: Path) -> Layout:
    """Packages are links into the store, and only torch's search path leads to cuDNN; no record has it."""
    store = root / "nix/store"
    trees.put_cudnn(store / "aa-cudnn-9.10.2/lib")
    trees.put_cuda(store / "aa-cudnn-9.10.2/lib")
    trees.put_torch(store / "bb-torch" / SITE, runpath="/nix/store/aa-cudnn-9.10.2/lib:$ORIGIN")
    (store / "cc-env" / SITE).mkdir(parents=True)
    for one in (store / "bb-torch" / SITE).iterdir():
        (store / "cc-env" / SITE / one.name).symlink_to(f"/nix/store/bb-torch/{SITE}/{one.name}")
    return Layout("/nix/store/aa-cudnn-9.10.2/lib/libcudnn.so.9", "/nix/store/cc-env")


def spack(root: Path) -> Layout:
    """A tree of prefixes: torch's RPATH names cuDNN's."""
    trees.put_cudnn(root / "opt/spack/cudnn-9.10.2/lib")
    trees.put_cuda(root / LIBRARIES)
    trees.put_torch(root / "opt/spack/py-torch" / SITE, runpath="/opt/spack/cudnn-9.10.2/lib")
    trees.put_header(root / "opt/spack/cudnn-9.10.2/include")
    return Layout("/opt/spack/cudnn-9.10.2/lib/libcudnn.so.9", "/opt/spack/py-torch")


def system_in_a_venv(root: Path) -> Layout:
    """torch built here, in a venv, against the debs: the venv itself has no cuDNN."""
    trees.debian(root, (9, 14, 0), "9.14.0.64-1")
    trees.put_torch(root / "opt/venv" / SITE, runpath="$ORIGIN", asks="9.14.0.64")
    (root / "opt/venv/pyvenv.cfg").touch()
    return Layout(f"/{LIBRARIES}/libcudnn.so.9", "/opt/venv")


def target_folder(root: Path) -> Layout:
    """pip install --target, named by PYTHONPATH; in AWS Lambda a layer."""
    site = root / "srv/packages"
    trees.put_wheel(site)
    trees.put_cuda(root / LIBRARIES)
    trees.put_torch(site)
    return Layout(f"/srv/packages/{WHEEL}", "/srv/packages")


def pythonpath(root: Path) -> Layout:
    target_folder(root)
    (root / "opt/venv/bin").mkdir(parents=True)
    (root / "opt/venv/pyvenv.cfg").touch()
    return Layout(f"/srv/packages/{WHEEL}", "", {"VIRTUAL_ENV": "/opt/venv", "PYTHONPATH": "/srv/packages"})


def pyinstaller(root: Path) -> Layout:
    """A frozen program: everything is below _internal, with metadata."""
    site = root / "opt/app/_internal"
    trees.put_wheel(site)
    trees.put_cuda(root / LIBRARIES)
    trees.put_torch(site)
    return Layout(f"/opt/app/_internal/{WHEEL}", "/opt/app")


def pypy(root: Path) -> Layout:
    site = root / "opt/pypy/lib/pypy3.10/site-packages"
    trees.put_wheel(site)
    trees.put_cuda(root / LIBRARIES)
    trees.put_torch(site)
    return Layout(f"/opt/pypy/lib/pypy3.10/site-packages/{WHEEL}", "/opt/pypy")


def snap(root: Path) -> Layout:
    """A snap has a usr of its own; its programs have LD_LIBRARY_PATH set."""
    lib = root / "snap/app/12" / LIBRARIES
    trees.put_cudnn(lib, runpath="")
    trees.put_cuda(lib)
    (root / "snap/app/current").symlink_to("12")
    there = f"/snap/app/current/{LIBRARIES}"
    return Layout(f"{there}/libcudnn.so.9", "", {"LD_LIBRARY_PATH": there}, "programs that ask the loader")


def snap_as_prefix(root: Path) -> Layout:
    site = root / "snap/app/12/usr/lib/python3.11/site-packages"
    trees.put_wheel(site)
    trees.put_cuda(root / LIBRARIES)
    trees.put_torch(site)
    return Layout(f"/snap/app/12/usr/lib/python3.11/site-packages/{WHEEL}", "/snap/app/12")


def merged_usr(root: Path) -> Layout:
    """/lib and /lib64 are links: one copy, told once."""
    trees.debian(root, (9, 14, 0), "9.14.0.64-1")
    (root / "lib").symlink_to("usr/lib")
    (root / "usr/lib64").symlink_to("lib")
    (root / "lib64").symlink_to("usr/lib64")
    return Layout(f"/{LIBRARIES}/libcudnn.so.9", "", {}, "programs that ask the loader")


def sbsa_toolkit(root: Path) -> Layout:
    """An Arm server: a tar unpacked over the toolkit, whose lib64 is a link to targets/sbsa-linux/lib."""
    lib = root / "usr/local/cuda-13.0/targets/sbsa-linux/lib"
    trees.put_cudnn(lib)
    trees.put_cuda(lib, "13", "13")
    trees.put_header(root / "usr/local/cuda-13.0/targets/sbsa-linux/include")
    for name in ("lib", "include"):
        link = "lib64" if name == "lib" else name
        (root / f"usr/local/cuda-13.0/{link}").symlink_to(f"targets/sbsa-linux/{name}")
    (root / "usr/local/cuda").symlink_to("cuda-13.0")
    variables = {"LD_LIBRARY_PATH": "/usr/local/cuda/lib64"}
    return Layout("/usr/local/cuda/lib64/libcudnn.so.9", "", variables, "programs that ask the loader")


def jetson(root: Path) -> Layout:
    """JetPack: NVIDIA's debs in Arm's folder, beside the L4T packages."""
    folder = root / "usr/lib/aarch64-linux-gnu"
    trees.put_cudnn(folder, (8, 6, 0), runpath="")
    trees.put_cuda(folder, "11", "11.2")
    trees.dpkg(root, "libcudnn8", "8.6.0.166-1+cuda11.4", sorted(folder.glob("libcudnn*.so.8*")))
    trees.dpkg(root, "nvidia-l4t-core", "35.4.1-20230801124926", [])
    return Layout("/usr/lib/aarch64-linux-gnu/libcudnn.so.8", "", {}, "programs that ask the loader")


def debians_installer(root: Path) -> Layout:
    """Debian's nvidia-cudnn downloads the libraries itself, newer ones on update-nvidia-cudnn: dpkg lists none."""
    trees.put_cudnn(root / LIBRARIES, (8, 9, 7), runpath="")
    trees.put_cuda(root / LIBRARIES)
    trees.dpkg(root, "nvidia-cudnn", "8.9.2.26~cuda12+3", [])
    return Layout(f"/{LIBRARIES}/libcudnn.so.8", "", {}, "programs that ask the loader")


def eleven_and_twelve(root: Path) -> Layout:
    """cu11's 8 for one framework, cu12's 9 for another: they share headers, no library."""
    site, other = root / "opt/venv" / SITE, root / "srv/other"
    trees.put_wheel(site)
    trees.put_wheel(other, (8, 5, 0), "11")
    for one in (other / "nvidia/cudnn/lib").iterdir():
        one.rename(site / "nvidia/cudnn/lib" / one.name)
    (other / "nvidia_cudnn_cu11-8.5.0.21.dist-info").rename(site / "nvidia_cudnn_cu11-8.5.0.21.dist-info")
    for cuda in (("11", "11.2"), ("12", "12")):
        trees.put_cuda(root / LIBRARIES, *cuda)
    trees.put_torch(site)
    return Layout(f"/opt/venv/{SITE}/{WHEEL}", "/opt/venv")


def system_site(root: Path) -> Layout:
    """python3 -m venv --system-site-packages: torch of the venv, cuDNN's wheel of the system."""
    site = root / "usr/local/lib/python3.11/dist-packages"
    trees.put_wheel(site)
    trees.put_cuda(root / LIBRARIES)
    trees.put_torch(root / "opt/venv" / SITE)
    (root / "opt/venv/pyvenv.cfg").write_text("include-system-site-packages = true\n")
    return Layout(f"/usr/local/lib/python3.11/dist-packages/{WHEEL}", "", {"VIRTUAL_ENV": "/opt/venv"})


def image_of_uv(root: Path) -> Layout:
    """uv's images have the environment in /app/.venv, which nothing else names."""
    venv(root, where="app/.venv")
    return Layout(f"/app/.venv/{SITE}/{WHEEL}")


def same_preloaded(root: Path) -> Layout:
    """LD_PRELOAD names the environment's own file."""
    venv(root)
    taken = f"/opt/venv/{SITE}/{WHEEL}"
    return Layout(taken, "/opt/venv", {"LD_PRELOAD": f"/lib/libjemalloc.so {taken}"})


def two_majors_of_rpm(root: Path) -> Layout:
    """Red Hat: libraries in /usr/lib64, torch 9 by pip --user beside 8 of the system."""
    trees.put_cudnn(root / "usr/lib64", (8, 9, 7), runpath="")
    trees.put_cuda(root / "usr/lib64")
    trees.put_wheel(root / "root/.local" / SITE)
    trees.put_torch(root / "root/.local" / SITE)
    return Layout(f"/root/.local/{SITE}/{WHEEL}")


WORKING = (
    uv_links, uv_python, pipx, stacked_conda, nix, spack, system_in_a_venv, target_folder, pythonpath, pyinstaller,
    pypy, snap, snap_as_prefix, merged_usr, sbsa_toolkit, jetson, debians_installer, eleven_and_twelve,
    system_site, image_of_uv, same_preloaded, two_majors_of_rpm,
)  # fmt: skip


@pytest.mark.parametrize("layout", WORKING, ids=lambda one: one.__name__)
def test_a_place_that_works_is_silent_and_its_copy_is_the_one_named(
    tmp_path: Path, layout: Callable[[Path], Layout]
) -> None:
    one = layout(tmp_path)
    result = look(tmp_path, one.prefix, **one.variables)
    assert list(result.findings) == []
    assert {each.path for each in result.programs if each.name == one.program} == {one.taken}
    files = [lib.path for copy in result.copies for lib in copy.libraries]
    assert len(files) == len(set(files))
    assert {each.real for each in result.programs} <= {lib.real for copy in result.copies for lib in copy.libraries}

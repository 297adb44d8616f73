"""Installed cuDNNs as package managers leave them, of tiny real libraries, to be broken in one way each."""

from __future__ import annotations

import json
import subprocess
import tempfile
from functools import cache
from pathlib import Path

TRIPLET = "x86_64-linux-gnu"
PARTS_8 = ("ops_infer", "ops_train", "cnn_infer", "cnn_train", "adv_infer", "adv_train")
PARTS_9 = ("graph", "ops", "cnn", "adv", "heuristic", "engines_precompiled", "engines_runtime_compiled")
_OBJECTS = {"graph": "graph", "ops": "ops_infer", "adv": "adv_infer", **{one: one for one in PARTS_8}}


@cache
def library(
    soname: str, version: tuple[int, ...] = (), needed: tuple[str, ...] = (), runpath: str = "", flags: str = ""
) -> bytes:
    """Return a library; cuDNN's parts carry their version as NVIDIA's do: patch, minor, major, 0."""
    part = soname.removeprefix("libcudnn").partition(".so")[0].lstrip("_")
    text = "int cudnnPresent(void) { return 1; }\n"
    if version and part in _OBJECTS:
        text += (
            f"const unsigned char cudnn_{_OBJECTS[part]}_version[4] = {{{version[2]},{version[1]},{version[0]},0}};\n"
        )
    if version and version[0] == 7:
        text += (
            f"unsigned long cudnnGetVersion(void) {{ return {version[0] * 1000 + version[1] * 100 + version[2]}; }}\n"
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.c").write_text(text)
        for one in needed:
            (folder / one).write_bytes(library(one))
        search = [f"-Wl,--enable-new-dtags,-rpath,{runpath}"] if runpath else []
        command = ["gcc", "-shared", "-fPIC", "-O1", "-nostartfiles", f"-Wl,-soname,{soname}", *search, *flags.split()]
        command += ["-Wl,--hash-style=gnu", "-o", "out", "in.c", "-Wl,--no-as-needed", *needed]
        subprocess.run(command, cwd=folder, check=True)
        return (folder / "out").read_bytes()


def put_cudnn(folder: Path, version: tuple[int, ...] = (9, 10, 2), runpath: str = "$ORIGIN") -> None:
    """Write the libraries of a cuDNN with the links of a Debian package or tar."""
    folder.mkdir(parents=True, exist_ok=True)
    major = version[0]
    parts = {7: (), 8: PARTS_8, 9: PARTS_9}[major]
    for part in ("", *(f"_{one}" for one in parts)):
        soname = f"libcudnn{part}.so.{major}"
        first = f"libcudnn_{parts[0]}.so.{major}" if parts else ""
        needed = ("libz.so.1",) if part else ()
        needed += (first,) if part and soname != first else ()
        full = folder / f"libcudnn{part}.so.{'.'.join(map(str, version))}"
        full.write_bytes(library(soname, version, needed, runpath))
        for link in (soname, f"libcudnn{part}.so"):
            (folder / link).unlink(missing_ok=True)
            (folder / link).symlink_to(full.name if link == soname else soname)


def put_header(folder: Path, version: tuple[int, ...] = (9, 10, 2), name: str = "cudnn_version.h") -> None:
    """Write the version header."""
    folder.mkdir(parents=True, exist_ok=True)
    names = zip(("MAJOR", "MINOR", "PATCHLEVEL"), version, strict=True)
    (folder / name).write_text("".join(f"#define CUDNN_{one} {number}\n" for one, number in names))


def put_cuda(folder: Path, cublas: str = "12", nvrtc: str = "12") -> None:
    """Write what cuDNN needs of CUDA and the system."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in (f"libcublas.so.{cublas}", f"libcublasLt.so.{cublas}", f"libnvrtc.so.{nvrtc}", "libz.so.1"):
        (folder / one).write_bytes(library(one))


def conda(prefix: Path) -> Path:
    """Write a conda environment with cuDNN 9.10.2."""
    put_cudnn(prefix / "lib")
    put_cuda(prefix / "lib")
    put_header(prefix / "include")
    (prefix / "conda-meta").mkdir()
    conda_meta(prefix, "9.10.2.21")
    return prefix


def conda_meta(prefix: Path, version: str) -> None:
    """Write the record of the package."""
    said = {"name": "libcudnn", "version": version, "build": "cuda12_h0_0", "depends": ["cuda-version >=12,<13"]}
    (prefix / "conda-meta" / f"libcudnn-{version}-cuda12_h0_0.json").write_text(json.dumps(said))


def venv(prefix: Path) -> Path:
    """Write a virtual environment with the wheels of cuDNN 9.10.2, cuBLAS and NVRTC; zlib is the system's."""
    site = prefix / "lib" / "python3.11" / "site-packages"
    put_cudnn(site / "nvidia" / "cudnn" / "lib", runpath="$ORIGIN:$ORIGIN/../../cublas/lib")
    put_header(site / "nvidia" / "cudnn" / "include")
    put_cuda(site / "nvidia" / "cublas" / "lib")
    (prefix / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (site / "nvidia_cudnn_cu12-9.10.2.21.dist-info").mkdir()
    return prefix


def debian(root: Path) -> Path:
    """Write a machine with NVIDIA's Debian packages of cuDNN 8.0.5: alternatives, dpkg's records."""
    libraries, headers = root / "usr/lib" / TRIPLET, root / "usr/include"
    put_cudnn(libraries, (8, 0, 5), runpath="")
    put_cuda(libraries, "11", "11.1")
    put_header(headers / TRIPLET, (8, 0, 5), "cudnn_version_v8.h")
    chosen = {"libcudnn": "cudnn_v8.h", "cudnn_version_h": "cudnn_version_v8.h"}
    (headers / TRIPLET / "cudnn_v8.h").write_text("#include <cudnn_version.h>\n")
    (root / "etc/alternatives").mkdir(parents=True)
    for name, file in chosen.items():
        (root / "etc/alternatives" / name).symlink_to(f"/usr/include/{TRIPLET}/{file}")
    (headers / "cudnn.h").symlink_to("/etc/alternatives/libcudnn")
    (headers / "cudnn_version.h").symlink_to("/etc/alternatives/cudnn_version_h")
    (root / "var/lib/dpkg/alternatives").mkdir(parents=True)
    alternatives(root, "auto")
    (root / "var/lib/dpkg/status").write_text(
        "Package: libcudnn8\nStatus: install ok installed\nVersion: 8.0.5.39-1+cuda11.1\n\n"
        "Package: libcudnn8-dev\nStatus: install ok installed\nVersion: 8.0.5.39-1+cuda11.1\n\n"
    )
    return root


def alternatives(root: Path, mode: str, *more: str) -> None:
    """Write the group as update-alternatives keeps it: mode, links, choices with priority and slaves."""
    lines = [mode, "/usr/include/cudnn.h", "cudnn_version_h", "/usr/include/cudnn_version.h", ""]
    for number, one in enumerate((f"/usr/include/{TRIPLET}/cudnn_v8.h", *more)):
        lines += [one, str(80 - number), one.replace("cudnn_v", "cudnn_version_v")]
    (root / "var/lib/dpkg/alternatives/libcudnn").write_text("\n".join([*lines, "", ""]))

"""Installed cuDNNs as package managers leave them, of tiny real libraries, to be broken in one way each."""

from __future__ import annotations

import base64
import hashlib
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


def recorded(folder: Path) -> list[Path]:
    """Return the files of cuDNN below a folder, as a record would name them."""
    found = [*folder.rglob("libcudnn*.so*"), *folder.rglob("cudnn*.h")]
    return sorted(one for one in found if "conda-meta" not in one.parts)


def condas(prefix: Path) -> list[Path]:
    """Return conda's own files of cuDNN in an environment; what pip has put beside them is not conda's."""
    return [one for one in recorded(prefix) if "site-packages" not in one.parts]


def conda_meta(prefix: Path, version: str, *, files: bool = True) -> None:
    """Write the record of the package, with hashes of what is there now."""
    paths = [
        {
            "_path": str(one.relative_to(prefix)),
            "path_type": "softlink" if one.is_symlink() else "hardlink",
            "sha256": hashlib.sha256(one.read_bytes()).hexdigest(),
            "size_in_bytes": one.stat().st_size,
        }
        for one in (condas(prefix) if files else ())
    ]
    said = {"name": "libcudnn", "version": version, "build": "cuda12_h0_0", "depends": ["cuda-version >=12,<13"]}
    said["paths_data"] = {"paths": paths, "paths_version": 1}
    (prefix / "conda-meta" / f"libcudnn-{version}-cuda12_h0_0.json").write_text(json.dumps(said))


def venv(prefix: Path, version: tuple[int, ...] = (9, 10, 2), cuda: str = "12") -> Path:
    """Write a virtual environment with the wheels of cuDNN, cuBLAS and NVRTC; zlib is the system's."""
    site = prefix / "lib" / "python3.11" / "site-packages"
    put_wheel(site, version, cuda)
    put_cuda(site / "nvidia" / "cublas" / "lib")
    (prefix / "pyvenv.cfg").write_text("home = /usr/bin\n")
    return prefix


def put_wheel(site: Path, version: tuple[int, ...] = (9, 10, 2), cuda: str = "12") -> None:
    """Write NVIDIA's wheel as pip unpacks it: SONAMEs only, no links."""
    folder = site / "nvidia" / "cudnn" / "lib"
    put_cudnn(folder, version, runpath="$ORIGIN:$ORIGIN/../../cublas/lib")
    for one in sorted(folder.glob("libcudnn*")):
        if one.is_symlink():
            one.unlink()
    for one in sorted(folder.glob("libcudnn*")):
        one.rename(folder / f"{one.name.partition('.so')[0]}.so.{version[0]}")
    put_header(site / "nvidia" / "cudnn" / "include", version)
    record(site, f"nvidia_cudnn_cu{cuda}-{'.'.join(map(str, version))}.21", recorded(site / "nvidia" / "cudnn"))


def record(site: Path, name: str, files: list[Path], metadata: str = "") -> None:
    """Write a ``.dist-info`` with RECORD and METADATA."""
    folder = site / f"{name}.dist-info"
    folder.mkdir(exist_ok=True)
    rows = []
    for one in files:
        digest = base64.urlsafe_b64encode(hashlib.sha256(one.read_bytes()).digest()).rstrip(b"=").decode()
        rows.append(f"{one.relative_to(site)},sha256={digest},{one.stat().st_size}")
    (folder / "RECORD").write_text("\n".join([*rows, f"{name}.dist-info/RECORD,,"]) + "\n")
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.partition('-')[0]}\n{metadata}\n")


def put_torch(site: Path, soname: str = "libcudnn.so.9", runpath: str = "", asks: str = "9.10.2.21") -> None:
    """Write what of torch matters: the library that asks for cuDNN, its search path, its requirement."""
    (site / "torch" / "lib").mkdir(parents=True)
    path = runpath or "$ORIGIN/../../nvidia/cudnn/lib:$ORIGIN"
    (site / "torch/lib/libtorch_cuda.so").write_bytes(library("libtorch_cuda.so", needed=(soname,), runpath=path))
    record(site, "torch-2.9.1", [], f"Requires-Dist: nvidia-cudnn-cu12=={asks} ; platform_system == 'Linux'\n")


def put_framework(site: Path, name: str, path: str, *needed: str, runpath: str = "", metadata: str = "") -> None:
    """Write a library of a framework where its wheel has it, linked with what is given, and its metadata."""
    file = site / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(library(file.name, needed=needed, runpath=runpath))
    record(site, name, [], metadata)


def put_mangled(site: Path, version: tuple[int, ...] = (9, 1, 0)) -> None:
    """Write ctranslate2 4.6 as auditwheel leaves it: the first library only, under a name of its own.

    The extension module alone has a search path, an old RPATH that holds for all it loads.
    """
    folder = site / "ctranslate2.libs"
    folder.mkdir(parents=True)
    name = f"libcudnn-0a1b2c3d.so.{'.'.join(map(str, version))}"
    (folder / name).write_bytes(library(name, version, flags="-Wl,--disable-new-dtags,-rpath,$ORIGIN"))
    middle = "libctranslate2-9f8e7d6c.so.4.6.0"
    (folder / middle).write_bytes(library(middle, needed=(name,)))
    search = "-Wl,--disable-new-dtags,-rpath,$ORIGIN/../ctranslate2.libs"
    (site / "ctranslate2").mkdir()
    module = library("_ext.so", needed=(middle,), flags=search)
    (site / "ctranslate2/_ext.cpython-311-x86_64-linux-gnu.so").write_bytes(module)
    record(site, "ctranslate2-4.6.0", recorded(folder))


def debian(root: Path, version: tuple[int, ...] = (8, 0, 5), package: str = "8.0.5.39-1+cuda11.1") -> Path:
    """Write a machine with NVIDIA's Debian packages of cuDNN: alternatives, dpkg's records."""
    libraries, headers, major = root / "usr/lib" / TRIPLET, root / "usr/include", version[0]
    put_cudnn(libraries, version, runpath="")
    put_cuda(libraries, "11", "11.1")
    put_header(headers / TRIPLET, version, f"cudnn_version_v{major}.h")
    chosen = {"libcudnn": f"cudnn_v{major}.h", "cudnn_version_h": f"cudnn_version_v{major}.h"}
    (headers / TRIPLET / f"cudnn_v{major}.h").write_text("#include <cudnn_version.h>\n")
    (root / "etc/alternatives").mkdir(parents=True)
    for name, file in chosen.items():
        (root / "etc/alternatives" / name).symlink_to(f"/usr/include/{TRIPLET}/{file}")
    (headers / "cudnn.h").symlink_to("/etc/alternatives/libcudnn")
    (headers / "cudnn_version.h").symlink_to("/etc/alternatives/cudnn_version_h")
    (root / "var/lib/dpkg/alternatives").mkdir(parents=True)
    alternatives(root, "auto")
    dpkg(root, f"libcudnn{major}", package, sorted(libraries.glob(f"libcudnn*.so.{major}*")))
    dpkg(root, f"libcudnn{major}-dev", package, sorted((headers / TRIPLET).glob("cudnn*.h")))
    return root


def dpkg(root: Path, name: str, version: str, files: list[Path]) -> None:
    """Add what dpkg keeps of a package: its stanza, the list of its files, their MD5 sums."""
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True, exist_ok=True)
    with (root / "var/lib/dpkg/status").open("a") as status:
        status.write(f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n\n")
    paths = [str(one.relative_to(root)) for one in files]
    (info / f"{name}.list").write_text("".join(f"/{one}\n" for one in ("usr", *paths)))
    real = [one for one in files if not one.is_symlink()]
    sums = [f"{hashlib.md5(one.read_bytes()).hexdigest()}  {one.relative_to(root)}\n" for one in real]
    (info / f"{name}.md5sums").write_text("".join(sums))


def alternatives(root: Path, mode: str, *more: str) -> None:
    """Write the group as update-alternatives keeps it: mode, links, choices with priority and slaves."""
    lines = [mode, "/usr/include/cudnn.h", "cudnn_version_h", "/usr/include/cudnn_version.h", ""]
    for number, one in enumerate((f"/usr/include/{TRIPLET}/cudnn_v8.h", *more)):
        lines += [one, str(80 - number), one.replace("cudnn_v", "cudnn_version_v")]
    (root / "var/lib/dpkg/alternatives/libcudnn").write_text("\n".join([*lines, "", ""]))

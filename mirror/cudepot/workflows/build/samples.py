"""``cudepot samples build``: the samples of the pinned version, built against the installed or cross packages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cudepot.builders.samples import Made, machine_of_compiler, run_make, samples_below
from cudepot.catalog.lock import Artifact, Lock
from cudepot.catalog.nvidia.samples import (
    Target,
    holds_samples,
    include_folders,
    is_for,
    is_native,
    library_folders,
    major_of,
    make_variables,
    sample_path,
)
from cudepot.depot.depot import Depot
from cudepot.digest import CHUNK
from cudepot.disk import storage_errors
from cudepot.errors import ConfigError, FormatError
from cudepot.formats.cudnn_version import header_version
from cudepot.formats.elf import read_elf
from cudepot.store.local import LocalStore
from cudepot.workflows.build.unpack import members

_INSTALLED = Path("/usr/src")
_VIEW = ".cuda"
"""Folder in the output with the view of the toolkit."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for.

    Attributes:
        target: the machines to build for.
        compiler: ``HOST_COMPILER``; empty for the target's usual one.
        cuda: ``CUDA_PATH``.
        cudnn: a folder with cuDNN's ``include`` and ``lib``; empty to look where packages put them.
        output: where the samples are copied to and built.
        environment: variables of the process; QNX's compilers want theirs.
        only: names of samples; empty for all.
    """

    target: Target
    compiler: str
    cuda: str
    cudnn: str
    output: Path
    environment: Mapping[str, str]
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """What a build needs: the variables for make, and what is missing, as lines for the user.

    Attributes:
        hidden: a header of another cuDNN in the toolkit, which would be taken before the one that is meant: Makefiles
            are given a view of the toolkit without it.
    """

    variables: dict[str, str]
    missing: tuple[str, ...]
    hidden: str = ""


@dataclass(frozen=True, slots=True)
class SamplesResult:
    """What was built: the samples' origin, how each went, the executables."""

    origin: str
    made: tuple[Made, ...]
    executables: tuple[str, ...]


def look_around(wish: Wish) -> Environment:
    """Check the environment before anything is copied: compiler, make, CUDA, cuDNN, QNX."""
    target = wish.target
    native = is_native(target, os.uname().machine)
    compiler = wish.compiler or target.compiler or _qnx_compiler(wish)
    include = _first(include_folders(target, wish.cuda, wish.cudnn, native=native), "cudnn.h", "cudnn_version.h")
    library = _first(library_folders(target, wish.cuda, wish.cudnn, native=native), "libcudnn.so")
    hidden = _other_header(wish, include)
    cuda = str(wish.output.resolve() / _VIEW) if hidden else wish.cuda
    own = Path(wish.cuda, "targets", target.folder, "lib")
    beside = str(own) if not native and own.is_dir() else ""
    zlib = "" if native or not target.triplet else _first([f"/usr/lib/{target.triplet}"], "libz.so.1", "libz.so")
    paths = {"compiler": compiler, "cuda": cuda, "include": include, "library": library, "beside": beside, "zlib": zlib}
    missing = [*_compiler_faults(wish, compiler), *_path_faults(wish, paths)]
    return Environment(make_variables(target, paths, wish.environment), tuple(missing), hidden)


def build_samples(wish: Wish, environment: Environment, origin: Path | Artifact, depot: Depot | None) -> SamplesResult:
    """Copy the samples to ``wish.output`` and build them there.

    Raises:
        ConfigError: something is missing, the output folder is not empty, or a sample of that name is not there.
        FormatError: an executable is for another machine than the target, or needs another cuDNN than the one named.
    """
    if environment.missing:
        raise ConfigError(
            f"samples for {wish.target.name} cannot be built here: {'; '.join(environment.missing)}",
            hint="install or name what is missing, then run it again; --dry-run checks without building",
        )
    _copy(origin, wish.output, depot)
    found = {one.name: one for one in samples_below(wish.output)}
    strange = sorted(set(wish.only) - set(found))
    if strange or not found:
        raise ConfigError(
            f"no sample {', '.join(strange) or 'with a Makefile'} in {wish.output}", hint=f"there: {', '.join(found)}"
        )
    chosen = {name: folder for name, folder in found.items() if not wish.only or name in wish.only}
    if environment.hidden:
        _view(Path(wish.cuda), Path(environment.variables["CUDA_PATH"]))
    made = [
        run_make(folder, environment.variables, wish.environment, wish.output / f"{name}.log")
        for name, folder in chosen.items()
    ]
    executables = [path for one in made for path in one.executables]
    wanted = _soname(Path(environment.variables["CUDNN_LIB_PATH"], "libcudnn.so"))
    for path in executables:
        _check_built(Path(path), wish.target, wanted)
    return SamplesResult(_origin_text(origin), tuple(made), tuple(executables))


def _other_header(wish: Wish, include: str) -> str:
    """Return the cudnn.h in the toolkit's own include where it is not the one that is meant."""
    first, named = Path(wish.cuda, "include", "cudnn.h"), Path(include, "cudnn.h")
    if not include or not first.exists() or (named.exists() and first.samefile(named)):
        return ""
    return str(first)


def _view(cuda: Path, view: Path) -> None:
    """Make a view of a toolkit, of links, in whose include no header of cuDNN lies."""
    with storage_errors(view):
        (view / "include").mkdir(parents=True)
        for one in cuda.iterdir():
            if one.name != "include":
                (view / one.name).symlink_to(one.resolve())
        for one in (cuda / "include").iterdir():
            if not one.name.startswith("cudnn"):
                (view / "include" / one.name).symlink_to(one.resolve())


def pinned_samples(lock: Lock, target: Target) -> list[Artifact]:
    """Return the locked artifacts that hold samples for a target, the newest name last."""
    found = [one for one in lock.artifacts if holds_samples(one.filename)]
    return [one for one in found if is_for(one.architecture, target)]


def fitting(origins: Sequence[Path | Artifact], environment: Environment) -> Path | Artifact:
    """Return the last of several samples that are of the major version to be built against.

    Raises:
        ConfigError: there are none of that version: their calls would not be there.
    """
    include = Path(environment.variables["CUDNN_INCLUDE_PATH"])
    texts = [one.read_bytes() for name in ("cudnn_version.h", "cudnn.h") if (one := include / name).is_file()]
    version = next(filter(None, map(header_version, texts)), None)
    majors = [(_major(one), one) for one in origins]
    same = [one for major, one in majors if not version or major in ("", str(version[0]))]
    if same:
        return same[-1]
    assert version is not None, "without a version, all of them match"
    there, wanted = ", ".join(sorted({major for major, _ in majors})), version[0]
    package = "libcudnn7-doc" if wanted == 7 else f"libcudnn{wanted}-samples"
    raise ConfigError(
        f"the samples here are of cuDNN {there}, the headers in {include} of cuDNN {wanted}",
        hint=f"pin {package}, then run lock and sync; or name a folder of samples with --from",
    )


def _major(origin: Path | Artifact) -> str:
    return major_of(origin.name) if isinstance(origin, Path) else origin.version.partition(".")[0]


def installed_samples() -> list[Path]:
    """Return the folders where samples packages install to, on this machine."""
    return sorted(_INSTALLED.glob("cudnn_samples_v*"))


def _qnx_compiler(wish: Wish) -> str:
    """Return the g++ of NVIDIA's guide where the SDP has one, the newest of several; else ``q++``."""
    home = wish.environment.get("QNX_HOST", "")
    found = sorted(Path(home, "usr/bin").glob("aarch64-unknown-nto-qnx*-g++")) if home else []
    if found:
        return str(found[-1])
    return f"{home}/usr/bin/q++" if home else "q++"


def _first(folders: Sequence[str], *names: str) -> str:
    return next((one for one in folders if any((Path(one) / name).exists() for name in names)), "")


def _compiler_faults(wish: Wish, compiler: str) -> Iterator[str]:
    target = wish.target
    if shutil.which("make") is None:
        yield "make is not installed (package make)"
    makes = machine_of_compiler(compiler)
    if makes is None:
        yield f"compiler {compiler} not found ({target.package}, or name another with --compiler)"
    elif makes and not makes.startswith(target.arch):
        yield f"compiler {compiler} generates code for {makes}, not for {target.arch}"
    if target.system == "qnx":
        for name in ("QNX_HOST", "QNX_TARGET"):
            if not Path(wish.environment.get(name) or "/nonexistent").is_dir():
                yield f"{name} names no folder (source qnxsdp-env.sh of the QNX SDP)"


def _path_faults(wish: Wish, paths: dict[str, str]) -> Iterator[str]:
    cuda, target = Path(wish.cuda), wish.target
    if not (cuda / "include" / "cuda.h").exists():
        yield f"no CUDA toolkit in {cuda} (include/cuda.h; name its folder with --cuda)"
    elif not os.access(cuda / "bin" / "nvcc", os.X_OK):
        yield f"no nvcc in {cuda}/bin: the Makefiles compile and link with it (package cuda-nvcc-X-Y, or cuda-toolkit)"
    if not paths["include"]:
        yield f"cudnn.h for {target.name} (the -dev or cross package of cuDNN, or --cudnn DIR)"
    if not paths["library"]:
        yield f"libcudnn.so for {target.name} (the -dev or cross package of cuDNN, or --cudnn DIR)"


def _copy(origin: Path | Artifact, output: Path, depot: Depot | None) -> None:
    if output.exists() and any(output.iterdir()):
        raise ConfigError(f"{output}: not empty", hint="name a new folder with --output")
    with storage_errors(output):
        if isinstance(origin, Path):
            shutil.copytree(origin, output, symlinks=True, dirs_exist_ok=True)
        else:
            assert depot is not None, "an artifact comes from a store"
            _unpack(depot.store, origin, output)


def _unpack(store: LocalStore, artifact: Artifact, output: Path) -> None:
    with store.open(artifact.digest) as handle:
        for member, stream in members(artifact, handle, lambda _: None):
            path = sample_path(member.name)
            if not path:
                continue
            target = output / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if stream is None:
                target.symlink_to(member.link)
            else:
                with target.open("xb") as out:
                    shutil.copyfileobj(stream, out, CHUNK)
                target.chmod(0o755 if member.executable else 0o644)


def _soname(library: Path) -> str:
    """Return what programs that are linked with a library need; empty where it does not say."""
    with library.open("rb") as handle:
        return read_elf(handle, what=str(library)).soname


def _check_built(path: Path, target: Target, wanted: str) -> None:
    with path.open("rb") as handle:
        info = read_elf(handle, what=str(path))
    if info.machine != target.machine:
        raise FormatError(
            f"{path}: machine is {info.machine}, where {target.machine} is wanted",
            hint="the samples' Makefile ignored HOST_COMPILER: name a compiler with --compiler",
        )
    other = [one for one in info.needed if one.startswith("libcudnn.so.") and one != wanted]
    if wanted and other:
        raise FormatError(
            f"{path}: needs {other[0]}, expected {wanted}",
            hint="the compiler finds another cuDNN first: name a toolkit without one with --cuda",
        )


def _origin_text(origin: Path | Artifact) -> str:
    return str(origin) if isinstance(origin, Path) else f"{origin.filename} (sha256 {origin.digest.sha256})"

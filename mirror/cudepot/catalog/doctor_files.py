"""Judges the files of one installed cuDNN: are they whole, of one version, and do they find each other?"""

from __future__ import annotations

from collections.abc import Iterator

from cudepot.catalog.installation import Around, Copy, Finding, Library, Severity, told

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
_AGAIN = "install the package again (conda, pip: --force-reinstall; apt-get: --reinstall)"
_PARTS: dict[str, tuple[str, ...]] = {
    "7": (),
    "8": ("ops_infer", "ops_train", "cnn_infer", "cnn_train", "adv_infer", "adv_train"),
    "9": ("graph", "ops", "cnn", "adv", "heuristic", "engines_precompiled", "engines_runtime_compiled"),
}
_JIT = ("graph", "engines_runtime_compiled")


def links(copy: Copy) -> Iterator[Finding]:
    """Name links that lead nowhere and files that are no libraries."""
    for one in copy.libraries:
        if one.fault == "dangling" and one.real == one.path:
            yield Finding(
                ERROR, "dangling-link", f"{one.path} leads back to itself",
                "who asks for this name finds nothing", _AGAIN,
            )  # fmt: skip
        elif one.fault == "dangling":
            yield Finding(
                ERROR, "dangling-link", f"{one.path} leads to {one.real}, which is not there",
                "who asks for this name finds nothing", _AGAIN,
            )  # fmt: skip
        elif one.fault:
            yield Finding(
                ERROR, "unreadable-library", f"{one.path}: {one.fault}",
                "the loader refuses it: a transfer was cut or the disk was full", _AGAIN,
            )  # fmt: skip


def names(copy: Copy) -> Iterator[Finding]:
    """Name libraries whose file name promises another major version than the library has."""
    for one in copy.whole():
        if one.soname and one.major and one.soname != f"{one.stem}.so.{one.major}":
            yield Finding(
                ERROR, "soname-mismatch", f"{one.path} is {one.soname} inside",
                "a program linked with one major version gets another: calls fail or crash",
                f"remove the link or copy {one.path} and install cuDNN {one.major} itself",
            )  # fmt: skip


def machine(copy: Copy, around: Around) -> Iterator[Finding]:
    """Name libraries for another processor."""
    for one in copy.whole():
        if around.machine and one.machine != around.machine:
            yield Finding(
                ERROR, "wrong-machine", f"{one.path} is for {one.machine}, this machine is {around.machine}",
                "the loader passes it over and looks further, or fails", f"install the package for {around.machine}",
            )  # fmt: skip


def versions(copy: Copy) -> Iterator[Finding]:
    """Name parts of different versions in one folder, and majors side by side."""
    for folder in sorted({one.folder for one in copy.whole()}):
        found = [one for one in copy.whole() if one.folder == folder and one.version]
        for major in sorted({one.major for one in found}):
            same = {one.version: one for one in found if one.major == major}
            if len(same) > 1:
                parts = ", ".join(f"{one.name} {told(version or ())}" for version, one in sorted(same.items(), key=str))
                yield Finding(
                    ERROR, "mixed-libraries", f"{folder} holds parts of different versions: {parts}",
                    "the parts check each other: calls end with CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH",
                    _AGAIN,
                )  # fmt: skip
    majors = sorted({one.major for one in copy.whole() if one.major})
    if len(majors) > 1:
        yield Finding(
            WARNING, "mixed-majors", f"{copy.prefix} holds cuDNN {' and '.join(majors)}",
            "each program takes the one it was linked with, but there is one cudnn.h and one libcudnn.so to build with",
            "remove the one that nothing needs, or give each its environment",
        )  # fmt: skip


def parts(copy: Copy) -> Iterator[Finding]:
    """Name what is missing of a whole cuDNN, by the names that programs and its parts ask for."""
    found = [one for one in copy.libraries if not one.fault]
    for folder, major in sorted({(one.folder, one.major) for one in found if one.major in _PARTS}):
        there = {one.name for one in found if one.folder == folder}
        full = f"libcudnn_ops.so.{major}" in there or not _is_jit(copy)
        wanted = ["libcudnn", *(f"libcudnn_{one}" for one in (_PARTS[major] if full else _JIT))]
        if gone := [f"{one}.so.{major}" for one in wanted if f"{one}.so.{major}" not in there]:
            yield Finding(
                ERROR, "missing-part", f"{folder} lacks {', '.join(gone)}",
                "libcudnn.so loads its parts when they are first needed: a process that gets there is aborted", _AGAIN,
            )  # fmt: skip


def _is_jit(copy: Copy) -> bool:
    return any("cudnn" in one.name and "jit" in one.name for one in copy.packages)


def headers(copy: Copy) -> Iterator[Finding]:
    """Name headers that are gone or of another version than the libraries."""
    version = copy.version()
    for one in copy.headers:
        if one.version is None:
            yield Finding(
                ERROR, "header-missing", f"{one.path} leads to {one.real}, which is not there or says no version",
                "nothing compiles against cuDNN", "install the -dev package again (libcudnn-dev, libcudnn9-dev-cuda-N)",
            )  # fmt: skip
        elif version and one.version[:3] not in copy.versions():
            yield Finding(
                ERROR, "header-mismatch", f"{one.path} is {told(one.version)}, the libraries are {told(version)}",
                "what is compiled with the header calls a library that is laid out otherwise",
                "install headers and libraries of one version: the -dev package has to be of the runtime's version",
            )  # fmt: skip


def packages(copy: Copy) -> Iterator[Finding]:
    """Name packages that claim another version than the files have, and CUDA variants on top of each other."""
    for one in (one for one in copy.packages if "cudnn" in one.name):
        claim = ".".join(one.version.split(":")[-1].replace("-", ".").split(".")[:3])
        major = claim.partition(".")[0]
        found = sorted(told(version) for version in copy.versions() if told(version[:1]) == major)
        if not found and major in _PARTS and one.kind in ("conda", "wheel"):
            found = sorted(map(told, copy.versions()))
        if found and claim not in found:
            yield Finding(
                ERROR, "package-mismatch", f"{one.kind} {one.name} {one.version}: the libraries are {', '.join(found)}",
                "files were copied over those of the package, or an update was cut short: nothing keeps them right",
                _AGAIN,
            )  # fmt: skip
    variants = sorted({one.cuda.partition(".")[0] for one in copy.packages if "cudnn" in one.name and one.cuda})
    if len(variants) > 1:
        owners = ", ".join(one.name for one in copy.packages if "cudnn" in one.name)
        yield Finding(
            ERROR, "mixed-cuda", f"{copy.prefix} has cuDNN for CUDA {' and '.join(variants)}: {owners}",
            "both write the same files: what lies there now is from whichever came last, perhaps from both",
            "remove both, then install the one that fits your framework",
        )  # fmt: skip


def needs(copy: Copy, around: Around) -> Iterator[Finding]:
    """Name libraries that are needed and that the loader would not find."""
    gone: dict[str, list[str]] = {}
    for one in copy.whole():
        beside = {other.name for other in copy.libraries if other.folder == one.folder} | _reached(copy, one)
        for name in one.needed:
            if not name.startswith(_ALWAYS) and name not in around.known and name not in beside:
                gone.setdefault(name, []).append(one.name)
    for name, asking in sorted(gone.items()):
        yield Finding(
            ERROR, *_missing(name), f"{name} is needed by {', '.join(sorted(asking))} and nowhere to be found",
            "the loader refuses the libraries that need it", _remedy(name, copy),
        )  # fmt: skip


_ALWAYS = (
    "libc.so",
    "libm.so",
    "libdl.so",
    "librt.so",
    "libpthread.so",
    "libgcc_s",
    "libstdc++",
    "ld-linux",
    "libcuda.so",
)


def _missing(name: str) -> tuple[str]:
    stems = {"libcublas": "missing-cublas", "libnvrtc": "missing-nvrtc", "libz.so": "missing-zlib"}
    return (next((found for stem, found in stems.items() if name.startswith(stem)), "missing-library"),)


def _remedy(name: str, copy: Copy) -> str:
    conda, wheel = next((said for stem, said in _BRINGS.items() if name.startswith(stem)), (name, ""))
    cuda = copy.cuda().partition(".")[0]
    if copy.kind == "conda":
        return f"conda install {conda}"
    if copy.kind == "venv" and wheel:
        return f"pip install {wheel}" + (f"-cu{cuda}" if cuda and int(cuda) < 13 else "")
    return f"install the system's package of {name}"


_BRINGS = {
    "libcublas": ("libcublas", "nvidia-cublas"),
    "libnvrtc": ("cuda-nvrtc", "nvidia-cuda-nvrtc"),
    "libz.so": ("libzlib", ""),
}
"""The packages of conda and pip that bring a library."""


def _search(one: Library) -> set[str]:
    """Return the folders a library's own search path names, with its folder in place of $ORIGIN."""
    found = set()
    for part in one.runpath.split(":"):
        path = part.replace("${ORIGIN}", one.folder).replace("$ORIGIN", one.folder)
        found.add(_normal(path))
    return found


def _normal(path: str) -> str:
    done: list[str] = []
    for part in path.split("/"):
        if part == ".." and done:
            done.pop()
        elif part not in ("", ".", ".."):
            done.append(part)
    return "/" + "/".join(done)


def _reached(copy: Copy, one: Library) -> set[str]:
    """Return the names in the prefix that a library reaches: by its search path, or as conda's programs reach them."""
    folders = _search(one) | ({f"{copy.prefix}/lib"} if copy.kind == "conda" else set())
    return {path.rpartition("/")[2] for path in copy.companions if path.rpartition("/")[0] in folders}


def opened(copy: Copy, around: Around) -> Iterator[Finding]:
    """Name what cuDNN opens while it runs, that no NEEDED tells of: cuBLAS since 8.9, NVRTC since 8."""
    version = copy.version()
    if version is None or version < (8, 0):
        return
    there = {path.rpartition("/")[2] for path in copy.companions} | around.known
    major = copy.cuda().partition(".")[0]
    for stem, name, since in (("libcublas.so.", "missing-cublas", (8, 9)), ("libnvrtc.so.", "missing-nvrtc", (8, 0))):
        needed = any(one.startswith(stem) for library in copy.whole() for one in library.needed)
        fits = any(one.startswith(stem) and f"{one[len(stem) :]}.".startswith(f"{major}.") for one in there)
        if version >= since and not needed and not (fits if major else any(one.startswith(stem) for one in there)):
            yield Finding(
                WARNING, name, f"no {stem}{major or '*'} in {copy.prefix} nor where the loader looks",
                "cuDNN opens it when cudnnCreate or an operation needs it, and then fails or aborts",
                _remedy(stem.removesuffix(".so."), copy),
            )  # fmt: skip


def origins(copy: Copy, around: Around) -> Iterator[Finding]:
    """Name a ``libcudnn.so`` that cannot find its parts: no ``$ORIGIN``, in a folder the loader does not know."""
    for one in copy.whole():
        if one.stem != "libcudnn" or one.major not in _PARTS or copy.kind == "conda":
            continue
        if one.folder not in _search(one) and f"libcudnn.so.{one.major}" not in around.known:
            yield Finding(
                WARNING, "no-origin", f"{one.path} has no $ORIGIN in its search path (RUNPATH {one.runpath or 'none'})",
                f"its parts beside it are not found, as the loader does not look in {one.folder}",
                f"add {one.folder} to LD_LIBRARY_PATH or to /etc/ld.so.conf.d and run ldconfig",
            )  # fmt: skip

"""Judges the libraries of one copy of cuDNN: can they be loaded, are they of one version, do they find their needs?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cudepot.catalog.doctor.parts import JIT, opened_names, parts
from cudepot.catalog.doctor.remedies import again, brings
from cudepot.catalog.doctor.values import Around, Copy, EnvironmentKind, Finding, Library, Severity, dotted

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
_ALWAYS = (
    "libc.so", "libm.so", "libdl.so", "librt.so", "libpthread.so", "libgcc_s", "libstdc++", "ld-linux", "libcuda.so",
)  # fmt: skip
_MISSING = {"libcublas": "missing-cublas", "libnvrtc": "missing-nvrtc", "libz.so": "missing-zlib"}


def asked_names(copy: Copy) -> set[str]:
    """Return the file names that programs and the copy's own first library ask for; all others are leftovers."""
    version = copy.version()
    names = {f"{one.stem}.so.{copy.major}" for one in copy.libraries}
    if version:
        names |= {name for one in copy.libraries for name in opened_names(one.stem, version)}
    return names | {one.name for one in copy.libraries if one.is_mangled}


def unreadable(copy: Copy) -> Iterator[Finding]:
    """Name links to nothing and files that are no libraries, each file once."""
    asked, seen = asked_names(copy), set()
    for one in copy.libraries:
        if not one.fault or one.real in seen or (one.name not in asked and one.tail):
            continue
        seen.add(one.real)
        names = ", ".join(other.name for other in copy.libraries if other.real == one.real and other.name != one.name)
        if one.fault == "dangling":
            to = "back to itself" if one.real == one.path else f"to {one.real}, which is not there"
            yield Finding(
                ERROR if one.tail else WARNING, "dangling-link",
                f"{one.path} leads {to}", "programs that load this name find nothing", again(copy, one.path),
            )  # fmt: skip
        else:
            yield Finding(
                ERROR, "unreadable-library", f"{one.path}: {one.fault}" + (f" (also as {names})" if names else ""),
                "the loader refuses it: a transfer was interrupted or the disk was full", again(copy, one.real),
            )  # fmt: skip


def names(copy: Copy) -> Iterator[Finding]:
    """Name libraries whose file name promises another major version than the library has."""
    for one in copy.reached():
        if one.soname and not one.is_mangled and one.soname != f"{one.stem}.so.{one.major}":
            yield Finding(
                ERROR, "soname-mismatch", f"{one.path} is really {one.soname}",
                "a program linked with one major version loads another: calls fail or crash",
                _itself(copy, one),
            )  # fmt: skip


def _itself(copy: Copy, one: Library) -> str:
    recorded = {file.path for package in copy.packages for file in package.files}
    if recorded & {one.path, one.real}:
        return again(copy, one.real)
    return f"rm {one.path}, and install cuDNN {one.major} itself"


def machine(copy: Copy, around: Around) -> Iterator[Finding]:
    """Name libraries for another processor."""
    wrong = [one for one in copy.reached() if around.machine and one.machine != around.machine]
    if wrong:
        files = ", ".join(one.path for one in wrong[:1]) + (f" and {len(wrong) - 1} more" if len(wrong) > 1 else "")
        yield Finding(
            ERROR, "wrong-machine", f"{files}: for {wrong[0].machine}, this machine is {around.machine}",
            "the loader skips it and searches on, or fails", f"install the package for {around.machine}",
        )  # fmt: skip


def versions(copy: Copy) -> Iterator[Finding]:
    """Name parts of different versions that programs get from one folder."""
    said = {one.version: one for one in copy.reached() if one.version and one.soname.endswith(f".so.{copy.major}")}
    if len(said) > 1:
        there = ", ".join(f"{one.name} {dotted(version or ())}" for version, one in sorted(said.items(), key=str))
        yield Finding(
            ERROR, "mixed-libraries", f"{copy.folder} has parts of different versions: {there}",
            "the parts check each other: calls end with CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH", again(copy),
        )  # fmt: skip


def missing(copy: Copy, gone: Sequence[str]) -> Iterator[Finding]:
    """Name what is missing of a whole cuDNN, by the names that are asked for.

    Args:
        copy: a copy.
        gone: paths that a package's record has and that are not there: they are named with the package.
    """
    if any(one.is_mangled for one in copy.libraries):
        return  # a library copied into another wheel: where its parts come from is its program's matter
    expected = [f"{one}.so.{copy.major}" for one in _expected(copy)]
    there = {one.name for one in copy.libraries}
    named = {path.rpartition("/")[2] for path in gone}
    if expected[0] not in there and len(there & set(expected)) * 2 < len(expected):
        return  # a few parts without the library that opens them: leftovers of another release, which nothing loads
    if lacking := [one for one in expected if one not in there | named]:
        yield Finding(
            ERROR, "missing-part", f"{copy.folder} lacks {', '.join(lacking)}",
            "libcudnn.so loads its parts when they are first needed: the process is then aborted, or loads "
            "the part from another copy", again(copy),
        )  # fmt: skip


def _expected(copy: Copy) -> list[str]:
    recorded = {
        file.path.rpartition("/")[2].partition(".so")[0]
        for one in copy.packages
        for file in one.files
        if f".so.{copy.major}" in file.path
    }
    if recorded:
        return sorted(recorded)  # "libcudnn" first
    version = copy.version() or (int(copy.major), 0, 0)
    jit = any("jit" in one.name for one in copy.packages) and not copy.named("libcudnn_ops")
    return ["libcudnn", *(f"libcudnn_{one}" for one in (JIT if jit else parts(version)))]


def needs(copy: Copy, gone: Sequence[str], around: Around) -> Iterator[Finding]:
    """Name libraries that are needed by name and that the loader would not find; what is gone is named elsewhere."""
    named = {path.rpartition("/")[2] for path in gone}
    lacking: dict[str, list[str]] = {}
    for one in copy.reached():
        beside = {other.name for other in copy.libraries if not other.fault} | _reached(copy, one)
        for name in one.needed:
            if not name.startswith(_ALWAYS) and name not in around.known and name not in beside:
                lacking.setdefault(name, []).append(one.name)
    for name, asking in sorted(lacking.items()):
        if name not in named and not any(other.name == name for other in copy.libraries):  # named already
            yield Finding(
                ERROR, *_missing(name), f"{name} is needed by {', '.join(sorted(asking))} but cannot be found",
                "the loader refuses the libraries that need it",
                again(copy) if name.startswith("libcudnn") else brings(name, copy),
            )  # fmt: skip


def _missing(name: str) -> tuple[str]:
    return (next((found for stem, found in _MISSING.items() if name.startswith(stem)), "missing-library"),)


def _search(one: Library) -> set[str]:
    """Return the folders a library's own search path names, with its folder in place of $ORIGIN."""
    parts_of = one.runpath.split(":")
    return {_normal(part.replace("${ORIGIN}", one.folder).replace("$ORIGIN", one.folder)) for part in parts_of}


def _normal(path: str) -> str:
    done: list[str] = []
    for part in path.split("/"):
        if part == ".." and done:
            done.pop()
        elif part not in ("", ".", ".."):
            done.append(part)
    return "/" + "/".join(done)


def _reached(copy: Copy, one: Library) -> set[str]:
    """Return the names in the environment that a library reaches: by its search path, beside it, or as conda's do."""
    folders = _search(one) | {copy.folder} | ({f"{copy.prefix}/lib"} if copy.kind == EnvironmentKind.CONDA else set())
    return {path.rpartition("/")[2] for path in copy.companions if path.rpartition("/")[0] in folders}


def opened(copy: Copy, around: Around) -> Iterator[Finding]:
    """Name what cuDNN opens while it runs, that no NEEDED names: cuBLAS since 8.9, NVRTC since 8."""
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
                brings(stem.removesuffix(".so."), copy),
            )  # fmt: skip


def origins(copy: Copy, around: Around) -> Iterator[Finding]:
    """Name a ``libcudnn.so`` that cannot find its parts: no ``$ORIGIN``, in a folder the loader does not know."""
    first = copy.named("libcudnn")
    if first is None or first.fault or first.is_mangled or copy.kind == EnvironmentKind.CONDA or copy.major == "7":
        return
    if first.folder not in _search(first) and f"libcudnn.so.{copy.major}" not in around.known:
        yield Finding(
            WARNING, "no-origin", f"{first.path} has no $ORIGIN in its search path (RUNPATH {first.runpath or 'none'})",
            f"its parts next to it are not found, because the loader does not look in {first.folder}",
            f"add {first.folder} to LD_LIBRARY_PATH or to /etc/ld.so.conf.d and run ldconfig",
        )  # fmt: skip

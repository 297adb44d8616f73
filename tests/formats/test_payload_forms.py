"""Payloads of the other forms: Windows, JIT, samples, cross packages; and what is refused in them."""

from __future__ import annotations

import dataclasses
import io
import tarfile
from pathlib import Path

import pytest
from simulator.cross import cross_deb, cross_name
from simulator.cudnn import CudnnRelease, members, parts, write_archive
from simulator.debs import cudnn_debs, write_deb, write_debs
from simulator.elf import Library, shared_library
from simulator.pe import Dll, dll
from simulator.rpms import cudnn_rpms, samples_rpm, write_rpm
from simulator.samples import sample_files, write_samples
from simulator.windows import dlls, write_windows_wheel, write_zip
from tests.formats.payloads import Objects, found_in, payload_of, rules

from cudepot.catalog.nvidia.release_names import parse_artifact_name
from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.formats.payload import Payload, Role
from cudepot.formats.payload_assemble import assemble
from cudepot.formats.payload_check import check_payload
from cudepot.formats.release import Release

pytestmark = pytest.mark.tools

OLD, NEW = CudnnRelease("8.0.5.39", "11.1"), CudnnRelease("9.18.0.77", "13")


def paths(payload: Payload, *roles: Role) -> list[str]:
    return [one.path for one in payload.files if one.role in roles]


def checked(payload: Payload, objects: Objects) -> None:
    check_payload(payload, objects.open, rules().needs)


@pytest.mark.parametrize("release", [CudnnRelease("7.6.5.32", "10.2"), OLD, CudnnRelease("8.4.1.50", "11.6"), NEW],
                         ids=lambda one: one.version)  # fmt: skip
def test_windows_zips_of_every_layout(release: CudnnRelease, tmp_path: Path) -> None:
    objects = Objects()
    payload = payload_of([write_zip(release, tmp_path)], objects)
    assert payload.release == Release("cudnn", release.version, release.cuda, "win-64")
    made, major = dlls(release), release.major
    assert paths(payload, Role.RUNTIME) == sorted(f"bin/{stem}64_{major}.dll" for stem in made)
    pairs = ("", f"64_{major}") if major >= 8 else ("",)
    assert paths(payload, Role.IMPORT) == sorted(f"lib/{stem}{end}.lib" for stem in made for end in pairs)
    assert paths(payload, Role.HEADER) == sorted(f"include/{stem}.h" for stem in parts(release).headers)
    assert paths(payload, Role.STATIC) == (["lib/cudnn_ops_static.lib"] if release.numbers >= (8, 3, 0) else [])
    assert paths(payload, Role.LICENCE) == ["LICENSE"]
    assert not paths(payload, Role.LINK, Role.DEVLINK)
    checked(payload, objects)


def test_a_windows_wheel_gives_what_the_zip_gives_less_what_one_links_with(tmp_path: Path) -> None:
    objects = Objects()
    first = payload_of([write_zip(NEW, tmp_path)], objects)
    second = payload_of([write_windows_wheel(NEW, tmp_path)], objects)
    assert second.release == first.release
    assert [one for one in first.files if one.role not in (Role.STATIC, Role.IMPORT)] == list(second.files)


@pytest.mark.parametrize("target", ["sbsa", "aarch64", "qnx"])
@pytest.mark.parametrize(("version", "cuda"), [("8.9.3.28", "12.1"), ("9.5.1.17", "12")])
def test_cross_packages(version: str, cuda: str, target: str, tmp_path: Path) -> None:
    release = CudnnRelease(version, cuda, "aarch64")
    objects = Objects()
    deb = cross_deb(release, target)
    name = cross_name(release, target)
    deb.files[f"/usr/share/doc/{name}/copyright"] = parts(release).licence
    payload = payload_of([write_deb(deb, tmp_path)], objects)
    assert payload.release == Release("cudnn", release.version, release.cuda, "linux-64", f"cross-{target}")
    assert paths(payload, Role.RUNTIME) == sorted(f"lib/{full}" for full in parts(release).libraries)
    assert f"include/cudnn_v{release.major}.h" in paths(payload, Role.HEADER)
    checked(payload, objects)
    wrong = dataclasses.replace(payload, release=dataclasses.replace(payload.release, part=""))
    with pytest.raises(FormatError, match="machine is aarch64, but x86_64 is claimed"):
        checked(wrong, objects)


def test_jit_archives_hold_three_libraries(tmp_path: Path) -> None:
    release = CudnnRelease("9.27.0.42", "13")
    kept = ("libcudnn.", "libcudnn_graph.", "libcudnn_engines_runtime_compiled.")
    top = f"cudnn_jit-linux-x86_64-{release.version}_cuda13-archive"
    path = tmp_path / f"{top}.tar.xz"
    with tarfile.open(path, "w:xz") as tar:
        for name, content in members(release):
            base = name.rpartition("/")[2]
            if base.startswith("lib") and not (base.startswith(kept) and ".so" in base):
                continue
            info = tarfile.TarInfo(name.replace(release.archive_folder, top))
            data = content if isinstance(content, bytes) else b""
            info.size, info.type = len(data), tarfile.REGTYPE if isinstance(content, bytes) else tarfile.SYMTYPE
            info.linkname = content if isinstance(content, str) else ""
            tar.addfile(info, io.BytesIO(data))
    objects = Objects()
    payload = payload_of([path], objects)
    assert payload.release == Release("cudnn", release.version, "13", "linux-64", "jit")
    assert len(paths(payload, Role.RUNTIME)) == 3
    checked(payload, objects)


def test_samples_alone_and_with_their_release(tmp_path: Path) -> None:
    expected = sorted(
        name.replace("/usr/src/cudnn_samples_v9", "samples") for name in sample_files(NEW) if "SLA" not in name
    )
    objects = Objects()
    payload = payload_of([write_samples(NEW, tmp_path)], objects)
    assert payload.release == Release("cudnn", NEW.version, "", "noarch", "samples")
    assert paths(payload, Role.SAMPLE) == expected
    checked(payload, objects)
    samples = next(one for one in cudnn_debs(NEW) if one.fields["Package"] == "libcudnn9-samples")
    deb = payload_of([write_deb(samples, tmp_path)], objects)
    assert [one for one in deb.files if one.role is Role.SAMPLE] == [
        one for one in payload.files if one.role is Role.SAMPLE
    ]
    whole = payload_of(write_debs(OLD, tmp_path), objects)
    assert whole.release.part == ""
    assert {one.replace("v9", "v8") for one in expected} == set(paths(whole, Role.SAMPLE))


def test_rpms_without_samples_have_no_licence_text(tmp_path: Path) -> None:
    objects = Objects()
    made = [write_rpm(one, tmp_path) for one in cudnn_rpms(OLD)]
    with pytest.raises(FormatError, match="no licence text") as caught:
        payload_of(made, objects)
    assert getattr(caught.value, "role", None) is Role.LICENCE
    payload = payload_of([*made, write_rpm(samples_rpm(OLD), tmp_path)], objects)
    licence = next(one.digest for one in payload.files if one.role is Role.LICENCE)
    assert licence == Digest.of(parts(OLD).licence)


def test_new_libraries_of_a_future_release_are_taken_by_pattern(tmp_path: Path) -> None:
    release = CudnnRelease("9.28.0.42", "13")
    objects = Objects()
    found = found_in(write_archive(release, tmp_path), objects)
    top = f"{release.archive_folder}/lib"
    for stem in ("libcudnn_engines_tensor_ir", "libcudnn_ext"):
        data = shared_library(Library(f"{stem}.so.9", stem))
        for name, link in ((f"{stem}.so.9.28.0", ""), (f"{stem}.so.9", f"{stem}.so.9.28.0")):
            claim = rules().claim(f"{top}/{name}")
            assert claim is not None
            digest = None if link else objects.add(data)
            found.append(type(found[0])(f"{top}/{name}", claim, digest, link))
    claimed = parse_artifact_name(release.archive_name)
    assert claimed is not None
    payload = assemble(claimed, found)
    assert "lib/libcudnn_engines_tensor_ir.so.9.28.0" in paths(payload, Role.RUNTIME)
    assert {"lib/libcudnn_ext.so", "lib/libcudnn_ext.so.9"} <= set(paths(payload, Role.LINK, Role.DEVLINK))
    checked(payload, objects)


@pytest.mark.parametrize(
    ("library", "says"),
    [
        (Library("libcudnn_ops_infer.so.8", "x", needed=("libevil.so.1",)), "NEEDED has 'libevil.so.1'"),
        (Library("libcudnn_ops_infer.so.8", "x", needed=("libcudnn_cnn_train.so.7",)), "libcudnn_cnn_train.so.7"),
        (Library("libcudnn_ops_infer.so.8", "x", runpath="/tmp/x"), "RUNPATH points outside the package: '/tmp/x'"),
        (Library("libcudnn_ops_infer.so.8", "x", runpath="$ORIGIN:lib"), "RUNPATH points outside the package: 'lib'"),
        (Library("libother.so.8", "x"), "SONAME is libother.so.8"),
        (Library("libcudnn_ops_infer.so.8", "x", machine="ppc64le"), "machine is ppc64le, but x86_64"),
    ],
)  # fmt: skip
def test_a_library_that_could_not_be_loaded_is_refused(library: Library, says: str, tmp_path: Path) -> None:
    objects = Objects()
    payload = payload_of([write_archive(OLD, tmp_path)], objects)
    digest = objects.add(shared_library(library))
    files = tuple(
        dataclasses.replace(one, digest=digest) if "ops_infer.so.8.0.5" in one.path else one for one in payload.files
    )
    with pytest.raises(FormatError, match=r"lib/libcudnn_ops_infer.so.8.0.5") as caught:
        checked(dataclasses.replace(payload, files=files), objects)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (Dll("cudnn64_9.dll", "x"), "SONAME is cudnn64_9.dll, but cudnn64_8.dll"),
        (Dll("cudnn64_8.dll", "x", needed=("evil.dll",)), "NEEDED has 'evil.dll'"),
    ],
)
def test_a_dll_that_could_not_be_loaded_is_refused(one: Dll, says: str, tmp_path: Path) -> None:
    objects = Objects()
    payload = payload_of([write_zip(OLD, tmp_path)], objects)
    digest = objects.add(dll(one)[0])
    files = tuple(
        dataclasses.replace(file, digest=digest) if file.path == "bin/cudnn64_8.dll" else file for file in payload.files
    )
    with pytest.raises(FormatError) as caught:
        checked(dataclasses.replace(payload, files=files), objects)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("version", "factor", "fine"), [("9.12.0.46", 1000, False), ("9.12.0.46", 10000, True), ("8.0.5.39", 10000, False)]
)
def test_the_formula_of_the_version_number_must_be_that_of_the_release(
    version: str, factor: int, fine: bool, tmp_path: Path
) -> None:
    objects = Objects()
    release = CudnnRelease(version, "11.1" if version < "9" else "13")
    payload = payload_of([write_archive(release, tmp_path)], objects)
    major, minor, patch = release.numbers
    text = (
        f"#define CUDNN_MAJOR {major}\n#define CUDNN_MINOR {minor}\n#define CUDNN_PATCHLEVEL {patch}\n"
        f"#define  CUDNN_VERSION\t(CUDNN_MAJOR * {factor} + CUDNN_MINOR*100 + CUDNN_PATCHLEVEL)\n"
    )
    digest = objects.add(text.encode())
    files = tuple(
        dataclasses.replace(one, digest=digest) if one.path == "include/cudnn_version.h" else one
        for one in payload.files
    )
    changed = dataclasses.replace(payload, files=files)
    if fine:
        return checked(changed, objects)
    with pytest.raises(FormatError, match="CUDNN_VERSION"):
        checked(changed, objects)
    return None


def test_a_linux_library_in_a_windows_release_is_refused_and_the_other_way_round(tmp_path: Path) -> None:
    objects = Objects()
    linux, windows = found_in(write_archive(OLD, tmp_path), objects), found_in(write_zip(OLD, tmp_path), objects)
    release = Release("cudnn", OLD.version, OLD.cuda, "linux-64")
    with pytest.raises(FormatError, match="is not a library for linux-64"):
        assemble(release, [*linux, *windows])
    with pytest.raises(FormatError, match="is not a library for win-64"):
        assemble(dataclasses.replace(release, subdir="win-64"), [*linux, *windows])


@pytest.mark.parametrize(
    "name",
    ["cudnn-linux-x86_64-9.28.0.42_cuda13-archive/tools/cudnn.py", "usr/lib64/libcudnn.la", "cuda/bin/cudnn.exe",
     "cudnn-windows-x86_64-9.28.0.42_cuda13-archive/bin/x64/zlibwapi.dll", "usr/lib64/libevil.so.1"],
)  # fmt: skip
def test_a_file_no_role_claims_is_an_error_that_names_it(name: str) -> None:
    with pytest.raises(FormatError, match="no rule covers") as caught:
        rules().claim(name)
    assert repr(name) in str(caught.value)


def test_a_strange_member_of_a_zip_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = write_zip(OLD, tmp_path, **{"cuda/bin/evil.exe": b"x"})
    with pytest.raises(FormatError, match=r"cuda/bin/evil\.exe"):
        payload_of([path], Objects())

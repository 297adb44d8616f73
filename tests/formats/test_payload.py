"""Claims and assembly: tgz, tar.xz, debs and wheel of the same bytes give the same payload."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.cudnn import CudnnRelease, parts, write_archive
from simulator.debs import write_debs
from simulator.rpms import cudnn_rpms, samples_rpm, write_rpm
from simulator.wheels import write_wheel
from tests.formats.payloads import Objects, payload_of, rules

from cudepot.catalog.nvidia.release_names import parse_artifact_name
from cudepot.digest import Digest
from cudepot.errors import ConfigError, FormatError
from cudepot.formats.payload import Claim, Found, Payload, PayloadRules, Role
from cudepot.formats.payload_assemble import assemble
from cudepot.formats.release import Release

RELEASE = Release("cudnn", "8.0.5.39", "11.1", "linux-64")


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("cuda/lib64/libcudnn.so.8.0.5", Claim(Role.RUNTIME, "libcudnn", "8.0.5")),
        ("cuda/lib64/libcudnn_cnn_infer.so", Claim(Role.RUNTIME, "libcudnn_cnn_infer", "")),
        ("cuda/targets/ppc64le-linux/lib/libcudnn.so.7", Claim(Role.RUNTIME, "libcudnn", "7")),
        ("nvidia/cudnn/lib/libcudnn_engines_tensor_ir.so.9", Claim(Role.RUNTIME, "libcudnn_engines_tensor_ir", "9")),
        ("cuda/include/cudnn.h", Claim(Role.HEADER, "cudnn", "", 1)),
        ("usr/include/x86_64-linux-gnu/cudnn_ops_infer_v8.h", Claim(Role.HEADER, "cudnn_ops_infer", "8", 1)),
        ("usr/include/cudnn_v7.h", Claim(Role.HEADER, "cudnn", "7", 1)),
        ("usr/lib/x86_64-linux-gnu/libcudnn_static_v8.a", Claim(Role.STATIC, "libcudnn", "8", 2)),
        ("cuda/NVIDIA_SLA_cuDNN_Support.txt", Claim(Role.LICENCE, "LICENSE", "", 3)),
        ("usr/share/doc/libcudnn8/copyright", Claim(Role.LICENCE, "LICENSE", "", 4)),
        ("nvidia_cudnn_cu13-9.12.0.46.dist-info/licenses/License.txt", Claim(Role.LICENCE, "LICENSE", "", 3)),
        ("usr/share/doc/libcudnn8/changelog.Debian.gz", None),
        ("usr/share/lintian/overrides/libcudnn8", None),
        ("nvidia_cudnn_cu13-9.12.0.46.dist-info/RECORD", None),
        ("nvidia/cudnn/__init__.py", None),
    ],
)
def test_claims(name: str, claim: Claim | None) -> None:
    assert rules().claim(name) == claim


@pytest.mark.parametrize(
    "name",
    ["cuda/bin/tool", "cuda/lib64/libother.so", "cuda/lib64/deep/libcudnn.so", "nvidia/cudnn/lib/x.py", "README"],
)
def test_a_file_no_rule_covers_is_an_error_that_says_what_to_do(name: str) -> None:
    with pytest.raises(FormatError, match=name) as caught:
        rules().claim(name)
    assert "payload.toml" in caught.value.hint


def test_a_name_that_does_not_fit_its_role_is_an_error() -> None:
    with pytest.raises(FormatError, match="not the name of a runtime file"):
        rules().claim("cuda/lib64/libcudnn.so.old")


@given(st.text(max_size=80))
def test_any_name_is_claimed_ignored_or_refused(name: str) -> None:
    with contextlib.suppress(FormatError):
        rules().claim(name)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"schema": 2, "rule": [{"role": "runtime", "folders": ["a"], "files": ["b"]}]},
        {"schema": 1, "rule": []},
        {"schema": 1, "rule": [{"role": "link", "folders": ["a"], "files": ["b"]}]},
        {"schema": 1, "rule": [{"role": "runtime", "folders": [], "files": ["b"]}]},
        {"schema": 1, "rule": [{"role": "runtime", "folders": ["a"], "files": "b"}]},
        {"schema": 1, "rule": [{"role": "runtime", "folders": ["a"]}]},
    ],
)
def test_malformed_rules_are_refused(data: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"payload\.toml"):
        PayloadRules.from_dict(data)


def forms(release: CudnnRelease, folder: Path) -> dict[str, list[Path]]:
    return {
        "archive": [write_archive(release, folder)],
        "wheel": [write_wheel(release, folder)],
        "rpms": [write_rpm(one, folder) for one in (*cudnn_rpms(release), samples_rpm(release))],
        "debs": [path for path in write_debs(release, folder) if parse_artifact_name(path.name)],
    }


def shared(payload: Payload) -> list[tuple[str, Digest | None, str]]:
    """What every form ships: static archives are not in wheels, the licence text of debs is their own."""
    left_out = (Role.STATIC, Role.SAMPLE, Role.LICENCE)
    return [(file.path, file.digest, file.link) for file in payload.files if file.role not in left_out]


@pytest.mark.tools
@pytest.mark.parametrize(
    "release",
    [
        CudnnRelease("7.6.5.32", "10.2"),
        CudnnRelease("8.0.5.39", "11.1"),
        CudnnRelease("8.9.7.29", "11"),
        CudnnRelease("9.12.0.46", "13"),
    ],
    ids=lambda one: one.version,
)
def test_every_form_of_a_release_gives_the_same_payload(release: CudnnRelease, tmp_path: Path) -> None:
    objects = Objects()
    made, claim = parts(release), Release("cudnn", release.version, release.cuda, "linux-64")
    payloads = {form: payload_of(paths, objects, claim) for form, paths in forms(release, tmp_path).items()}
    first = payloads["archive"]
    assert all(shared(one) == shared(first) for one in payloads.values())
    for form in ("debs", "rpms"):  # and static archives and licence too: everything but the samples
        assert [one for one in payloads[form].files if one.role is not Role.SAMPLE] == list(first.files), form
    expected = {f"lib/{name}": Digest.of(data) for name, data in made.libraries.items()}
    for stem, text in made.headers.items():
        expected |= {f"include/{stem}{twin}.h": Digest.of(text) for twin in ("", f"_v{release.major}")}
    assert {path: digest for path, digest, link in shared(payloads["wheel"]) if not link} == expected
    links = {path: link for path, _, link in shared(payloads["wheel"]) if link}
    for name in made.libraries:
        stem = name.split(".so.")[0]
        assert links.pop(f"lib/{stem}.so.{release.major}") == name
        assert links.pop(f"lib/{stem}.so") == f"{stem}.so.{release.major}"
    assert not links
    assert {file.path for file in payloads["archive"].files if file.role is Role.STATIC} == {
        f"lib/{stem}_static{twin}.a" for stem in made.statics for twin in ("", f"_v{release.major}")
    }
    licence = {file.digest for file in payloads["archive"].files if file.role is Role.LICENCE}
    assert licence == {Digest.of(made.licence)}


@pytest.mark.tools
def test_ppc64le_archives_have_another_layout(tmp_path: Path) -> None:
    release = CudnnRelease("8.0.5.39", "11.0", "ppc64le")
    payload = payload_of([write_archive(release, tmp_path)], Objects())
    assert payload.release.subdir == "linux-ppc64le"
    assert "lib/libcudnn_ops_infer.so.8.0.5" in {file.path for file in payload.files}


A, B = Digest.of(b"a"), Digest.of(b"b")


def found(name: str, digest: Digest | None = A, link: str = "") -> Found:
    claim = rules().claim(name)
    assert claim is not None
    return Found(name, claim, None if link else digest, link)


GOOD = (
    found("cuda/lib64/libcudnn.so.8.0.5"),
    found("cuda/include/cudnn.h"),
    found("cuda/NVIDIA_SLA_cuDNN_Support.txt"),
)


def test_the_smallest_payload() -> None:
    assert [file.path for file in assemble(RELEASE, GOOD).files] == [
        "LICENSE",
        "include/cudnn.h",
        "include/cudnn_v8.h",
        "lib/libcudnn.so",
        "lib/libcudnn.so.8",
        "lib/libcudnn.so.8.0.5",
    ]


def test_order_and_repetition_do_not_matter() -> None:
    assert assemble(RELEASE, [*reversed(GOOD), *GOOD]) == assemble(RELEASE, GOOD)


def test_the_better_licence_wins() -> None:
    payload = assemble(RELEASE, [found("usr/share/doc/libcudnn8/copyright", B), *GOOD])
    assert payload.files[0].digest == A


@pytest.mark.parametrize("missing", range(3))
def test_a_missing_kind_of_file_is_an_error(missing: int) -> None:
    with pytest.raises(FormatError, match=r"no (runtime library|header|licence text) in"):
        assemble(RELEASE, [one for number, one in enumerate(GOOD) if number != missing])


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (found("nvidia/cudnn/lib/libcudnn.so.8", B), "should be the same file but differ"),
        (found("cuda/include/cudnn_v8.h", B), "should be the same file but differ"),
        (found("cuda/include/cudnn.h", B), "differs between artifacts"),
        (found("cuda/lib64/libcudnn.so.8.0.4", B), "has version 8.0.4"),
        (found("cuda/lib64/libcudnn.so.7", B), "has version 7"),
        (found("cuda/include/cudnn_v7.h"), "has version 7"),
        (found("cuda/lib64/libcudnn.so", link="libcudnn.so.8"), "no artifact contains"),
        (found("cuda/lib64/libcudnn_ops.so", link="libcudnn.so.8.0.5"), "link to another file"),
        (found("cuda/lib64/libcudnn.so", link="libcudnn.so"), "no artifact contains"),
    ],
)
def test_what_does_not_fit_is_an_error(more: Found, says: str) -> None:
    with pytest.raises(FormatError, match=says):
        assemble(RELEASE, [*GOOD, more])


@pytest.mark.tools
def test_a_development_package_alone_is_not_enough(tmp_path: Path) -> None:
    debs = write_debs(CudnnRelease("8.0.5.39", "11.1"), tmp_path)
    with pytest.raises(FormatError, match="runtime library") as caught:
        payload_of([path for path in debs if "-dev_" in path.name], Objects())
    assert getattr(caught.value, "role", None) is Role.RUNTIME

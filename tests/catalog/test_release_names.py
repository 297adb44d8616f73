"""File names of cuDNN artifacts."""

from __future__ import annotations

import pytest

from cudepot.catalog.nvidia.release_names import parse_artifact_name
from cudepot.formats.release import Release


@pytest.mark.parametrize(
    ("name", "version", "cuda", "subdir"),
    [
        ("cudnn-10.2-linux-x64-v7.6.5.32.tgz", "7.6.5.32", "10.2", "linux-64"),
        ("cudnn-11.1-linux-x64-v8.0.5.39.tgz", "8.0.5.39", "11.1", "linux-64"),
        ("cudnn-11.1-linux-aarch64sbsa-v8.0.5.39.tgz", "8.0.5.39", "11.1", "linux-aarch64"),
        ("cudnn-11.0-linux-ppc64le-v8.0.5.39.tgz", "8.0.5.39", "11.0", "linux-ppc64le"),
        ("cudnn-linux-x86_64-8.4.1.50_cuda10.2-archive.tar.xz", "8.4.1.50", "10.2", "linux-64"),
        ("cudnn-linux-x86_64-8.9.7.29_cuda11-archive.tar.xz", "8.9.7.29", "11", "linux-64"),
        ("cudnn-linux-sbsa-9.13.0.50_cuda13-archive.tar.xz", "9.13.0.50", "13", "linux-aarch64"),
        ("libcudnn7_7.6.5.32-1+cuda10.1_amd64.deb", "7.6.5.32", "10.1", "linux-64"),
        ("libcudnn8_8.0.5.39-1+cuda11.1_amd64.deb", "8.0.5.39", "11.1", "linux-64"),
        ("libcudnn8-dev_8.0.5.39-1%2Bcuda11.1_amd64.deb", "8.0.5.39", "11.1", "linux-64"),
        ("libcudnn8_8.0.1.13-1+cuda11.0_ppc64el.deb", "8.0.1.13", "11.0", "linux-ppc64le"),
        ("libcudnn9-cuda-12_9.5.1.17-1_amd64.deb", "9.5.1.17", "12", "linux-64"),
        ("libcudnn9-dev-cuda-12_9.5.1.17-1_arm64.deb", "9.5.1.17", "12", "linux-aarch64"),
        ("libcudnn9-static-cuda-13_9.18.0.77-1_amd64.deb", "9.18.0.77", "13", "linux-64"),
        ("libcudnn9-headers-cuda-13_9.18.0.77-1_amd64.deb", "9.18.0.77", "13", "linux-64"),
        ("nvidia_cudnn_cu11-8.5.0.96-2-py3-none-manylinux1_x86_64.whl", "8.5.0.96", "11", "linux-64"),
        ("nvidia_cudnn_cu12-9.0.0.312.post1-py3-none-manylinux2014_aarch64.whl", "9.0.0.312", "12", "linux-aarch64"),
        ("nvidia_cudnn_cu13-9.12.0.46-py3-none-manylinux_2_27_x86_64.whl", "9.12.0.46", "13", "linux-64"),
        ("nvidia_cudnn_cu12-9.1.0.70-py3-none-win_amd64.whl", "9.1.0.70", "12", "win-64"),
        ("nvidia_cudnn_cu13-9.28.1.4-py3-none-win_arm64.whl", "9.28.1.4", "13", "win-arm64"),
        ("cudnn-9.2-windows7-x64-v7.6.5.32.zip", "7.6.5.32", "9.2", "win-64"),
        ("cudnn-10.2-windows10-x64-v8.0.5.39.zip", "8.0.5.39", "10.2", "win-64"),
        ("cudnn-11.1-windows-x64-v8.0.5.39.zip", "8.0.5.39", "11.1", "win-64"),
        ("cudnn-windows-x86_64-8.9.7.29_cuda12-archive.zip", "8.9.7.29", "12", "win-64"),
        ("cudnn-windows-arm64-9.27.0.42_cuda13.4-archive.zip", "9.27.0.42", "13.4", "win-arm64"),
        ("cudnn_samples-linux-x86_64-8.9.2.26_cuda12-archive.tar.xz", "8.9.2.26", "12", "linux-64"),
        ("libcudnn8-samples_8.0.5.39-1+cuda11.1_amd64.deb", "8.0.5.39", "11.1", "linux-64"),
        ("libcudnn7-doc_7.6.5.32-1+cuda10.1_amd64.deb", "7.6.5.32", "10.1", "linux-64"),
        ("libcudnn8-8.0.5.39-1.cuda11.1.x86_64.rpm", "8.0.5.39", "11.1", "linux-64"),
        ("libcudnn8-devel-8.0.5.39-1.cuda10.2.ppc64le.rpm", "8.0.5.39", "10.2", "linux-ppc64le"),
        ("libcudnn9-devel-cuda-12-9.5.1.17-1.aarch64.rpm", "9.5.1.17", "12", "linux-aarch64"),
        ("libcudnn9-static-cuda-12-9.18.0.77-1.x86_64.rpm", "9.18.0.77", "12", "linux-64"),
    ],
)
def test_reads_every_form(name: str, version: str, cuda: str, subdir: str) -> None:
    assert parse_artifact_name(name) == Release("cudnn", version, cuda, subdir)


@pytest.mark.parametrize(
    ("name", "release"),
    [
        (
            "cudnn_jit-linux-x86_64-9.12.0.46_cuda13-archive.tar.xz",
            Release("cudnn", "9.12.0.46", "13", "linux-64", "jit"),
        ),
        ("libcudnn9-jit-cuda-12_9.18.0.77-1_amd64.deb", Release("cudnn", "9.18.0.77", "12", "linux-64", "jit")),
        (
            "cudnn_samples-source-9.27.0.42-archive.tar.xz",
            Release("cudnn", "9.27.0.42", "", "noarch", "samples"),
        ),
        ("libcudnn9-samples_9.5.1.17-1_all.deb", Release("cudnn", "9.5.1.17", "", "noarch", "samples")),
        (
            "libcudnn8-cross-sbsa_8.9.3.28-1+cuda12.1_all.deb",
            Release("cudnn", "8.9.3.28", "12.1", "linux-64", "cross-sbsa"),
        ),
        (
            "libcudnn9-cross-aarch64-cuda-12_9.5.1.17-1_all.deb",
            Release("cudnn", "9.5.1.17", "12", "linux-64", "cross-aarch64"),
        ),
        (
            "libcudnn8-cross-qnx_8.9.3.28-1+cuda12.1_all.deb",
            Release("cudnn", "8.9.3.28", "12.1", "linux-64", "cross-qnx"),
        ),
        (
            "libcudnn7-dev-cross-aarch64_7.6.5.32-1+cuda10.2_all.deb",
            Release("cudnn", "7.6.5.32", "10.2", "linux-64", "cross-aarch64"),
        ),
        (
            "libcudnn8-dev-cross-aarch64-qnx_8.0.5.39-1+cuda10.2_all.deb",
            Release("cudnn", "8.0.5.39", "10.2", "linux-64", "cross-qnx"),
        ),
        (
            "libcudnn9-dev-cross-sbsa-cuda-13_9.12.0.46-1_all.deb",
            Release("cudnn", "9.12.0.46", "13", "linux-64", "cross-sbsa"),
        ),
    ],
)
def test_reads_parts_of_releases(name: str, release: Release) -> None:
    assert parse_artifact_name(name) == release


@pytest.mark.parametrize(
    ("name", "release"),
    [
        ("nvidia_cublas-13.1.0.3-py3-none-manylinux_2_27_x86_64.whl", ("libcublas", "13.1.0.3", "13", "linux-64")),
        ("nvidia_cublas_cu12-12.9.1.4-py3-none-win_amd64.whl", ("libcublas", "12.9.1.4", "12", "win-64")),
        ("nvidia_cublas_cu11-11.11.3.6-py3-none-manylinux1_x86_64.whl", ("cudatoolkit", "11.11.3.6", "11", "linux-64")),
        ("nvidia_cuda_nvrtc_cu11-11.8.89-2-py3-none-win_amd64.whl", ("cuda-nvrtc", "11.8.89", "11", "win-64")),
        ("libcublas-13-0_13.1.0.3-1_amd64.deb", ("libcublas", "13.1.0.3", "13.0", "linux-64")),
        ("libcublas-dev-12-9_12.9.1.4-1_arm64.deb", ("libcublas", "12.9.1.4", "12.9", "linux-aarch64")),
        ("libcublas-11-1_11.3.0.106-1_amd64.deb", ("cudatoolkit", "11.3.0.106", "11.1", "linux-64")),
        ("libcublas13-cuda-13_13.4.1.2-1_amd64.deb", ("libcublas", "13.4.1.2", "13", "linux-64")),
        ("libcublas10_10.2.2.89-1_amd64.deb", ("cudatoolkit", "10.2.2.89", "10", "linux-64")),
        ("cuda-cublas-10-0_10.0.130.1-1_amd64.deb", ("cudatoolkit", "10.0.130.1", "10.0", "linux-64")),
        ("cuda-nvrtc-13-0_13.0.88-1_amd64.deb", ("cuda-nvrtc", "13.0.88", "13.0", "linux-64")),
        ("cuda-nvrtc-dev-11-1_11.1.105-1_amd64.deb", ("cuda-nvrtc", "11.1.105", "11.1", "linux-64")),
        ("libcublas-13-0-13.1.0.3-1.x86_64.rpm", ("libcublas", "13.1.0.3", "13.0", "linux-64")),
        ("libcublas-devel-13-0-13.1.0.3-1.aarch64.rpm", ("libcublas", "13.1.0.3", "13.0", "linux-aarch64")),
        ("libcublas13-devel-cuda-13-13.6.2.16-1.x86_64.rpm", ("libcublas", "13.6.2.16", "13", "linux-64")),
        ("cuda-nvrtc-devel-13-0-13.0.88-1.x86_64.rpm", ("cuda-nvrtc", "13.0.88", "13.0", "linux-64")),
    ],
)  # fmt: skip
def test_reads_what_comes_beside_cudnn(name: str, release: tuple[str, str, str, str]) -> None:
    assert parse_artifact_name(name) == Release(*release)


@pytest.mark.parametrize(
    "name",
    [
        "cudnn-9.0-linux-x64-v7.tgz",  # the version is not complete
        "cudnn-10.1-osx-x64-v7.6.5.32.tgz",
        "cudnn-linux-aarch64-9.10.2.21_cuda12-archive.tar.xz",  # Jetson
        "nvidia_cudnn_cu13-9.12.0.46+acme.1-py3-none-manylinux_2_27_x86_64.whl",  # our own
        "cudnn-11.1-linux-x64-v8.0.5.39.tgz?__token__=abc",
        "../cudnn-11.1-linux-x64-v8.0.5.39.tgz",
    ],
)
def test_other_files_are_none(name: str) -> None:
    assert parse_artifact_name(name) is None

"""The samples of a stand-in release, laid out as ``/usr/src/cudnn_samples_vM`` with the licence text in it."""

from __future__ import annotations

import io
import lzma
import tarfile
from pathlib import Path

from simulator.cudnn import CudnnRelease, licence

MAKEFILE = b"""\
include ../samples_common.mk
HOST_COMPILER ?= g++
INCLUDES := -I$(CUDA_PATH)/include
all: build
build: mnistCUDNN
mnistCUDNN: mnistCUDNN.cpp
\t$(HOST_COMPILER) $(INCLUDES) $(EXTRA_CCFLAGS) -o $@ $< -L$(CUDA_PATH)/lib64 $(EXTRA_LDFLAGS) -lcudnn
clean:
\trm -f mnistCUDNN
"""
PROGRAM = b"""\
#include <cstdio>
extern "C" {
#include <cudnn.h>
}
int main() {
    std::printf("cudnnGetVersion() : %lu , CUDNN_VERSION from cudnn.h : %d\\n", cudnnGetVersion(), CUDNN_VERSION);
    bool passed = cudnnGetVersion() == CUDNN_VERSION;
    std::puts(passed ? "Test passed!" : "Test failed!");
    return !passed;
}
"""
"""A sample that says, without a GPU, whether header and library are of one release."""


def sample_files(release: CudnnRelease) -> dict[str, bytes | str]:
    """Return absolute path → content of the samples package's files."""
    folder = f"/usr/src/cudnn_samples_v{release.major}"
    return {
        f"{folder}/NVIDIA_SLA_cuDNN_Support.txt": licence(release),
        f"{folder}/samples_common.mk": b"CUDA_PATH ?= /usr/local/cuda\n",
        f"{folder}/mnistCUDNN/Makefile": MAKEFILE,
        f"{folder}/mnistCUDNN/mnistCUDNN.cpp": PROGRAM,
        f"{folder}/mnistCUDNN/readme.txt": b"stand-in sample\n",
    }


def write_samples(release: CudnnRelease, folder: Path) -> Path:
    """Write ``cudnn_samples-source-VERSION-archive.tar.xz`` of a 9.x release into ``folder`` and return its path."""
    top = f"cudnn_samples-source-{release.version}-archive"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in sample_files(release).items():
            data = content if isinstance(content, bytes) else content.encode()
            place = name.removeprefix("/usr/") if "SLA" not in name else "LICENSE"
            info = tarfile.TarInfo(f"{top}/{place}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    path = folder / f"{top}.tar.xz"
    path.write_bytes(lzma.compress(out.getvalue()))
    return path

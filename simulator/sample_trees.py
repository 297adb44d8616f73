"""Samples with Makefiles that behave as NVIDIA's of each era do, and a toolkit to build them with.

The Makefiles are our own. What they have in common with NVIDIA's is what can be seen from outside: which variables they
know, in which order folders come, that nvcc of ``CUDA_PATH`` compiles ``.cu`` files and links, that a sample without
FreeImage, or mnistCUDNN for QNX, is waived and make ends well.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

REAL = Path("/usr/local/cuda")
"""Where a real toolkit is, on machines that have one."""


@dataclass(frozen=True)
class Era:
    """How the Makefiles of some releases are.

    Attributes:
        old: nvcc with its compiler is fixed, and no variable names cuDNN's folders.
        common: whether ``samples_common.mk`` looks into ``cuda.h``.
        second: what follows ``-I$(CUDA_PATH)/include`` and ``-L$(CUDA_PATH)/lib64`` in the old ones.
        qnx: whether mnistCUDNN says that it is not for QNX; all lack FreeImage there.
    """

    name: str
    old: bool
    common: bool
    second: str = ""
    qnx: bool = True


ERAS = {
    one.name: one
    for one in (
        Era("7.3", old=True, common=False, qnx=False),
        Era("7.6", old=True, common=True, second="."),
        Era("8.0", old=True, common=True, second="targets/ppc64le-linux"),
        Era("8.9", old=False, common=True),
        Era("9.1", old=False, common=True),
    )
}

_COMMON = """\
CUDA_VERSION := $(shell sed -n 's/.*define CUDA_VERSION *//p' $(CUDA_PATH)/include/cuda.h)
LT := $(shell test $(CUDA_VERSION) -ge 10010 && echo -lcublasLt)
SMS ?= 50 75
"""
_HEAD = """\
# a stand-in: behaves as the Makefiles of cuDNN {name}
CUDA_PATH ?= /usr/local/cuda
HOST_ARCH := $(shell uname -m)
TARGET_ARCH ?= $(HOST_ARCH)
TARGET_OS ?= linux
ifeq ($(TARGET_OS),QNX)
override TARGET_OS := qnx
endif
ifneq ($(TARGET_ARCH),$(HOST_ARCH))
ifeq ($(TARGET_OS),linux)
HOST_COMPILER ?= $(TARGET_ARCH)-linux-gnu-g++
endif
endif
HOST_COMPILER ?= g++
"""
_OLD = """\
NVCC := $(CUDA_PATH)/bin/nvcc -ccbin $(HOST_COMPILER)
NVCCFLAGS := -m64
INCLUDES := {includes}
LIBRARIES := {libraries}
"""
_NEW = """\
NVCC ?= $(CUDA_PATH)/bin/nvcc
NVCCFLAGS := -ccbin $(HOST_COMPILER) -m64
CUDNN_INCLUDE_PATH ?= $(CUDA_PATH)/include
CUDNN_LIB_PATH ?= $(CUDA_PATH)/lib64
CUBLAS_LIB_PATH ?= $(CUDA_PATH)/lib64
INCLUDES := -I$(CUDA_PATH)/include -I$(CUDNN_INCLUDE_PATH)
LIBRARIES := -L$(CUDA_PATH)/lib64 -L$(CUBLAS_LIB_PATH) -L$(CUDNN_LIB_PATH)
"""
_MIDDLE = """\
ALL_CCFLAGS := $(NVCCFLAGS) $(EXTRA_NVCCFLAGS) $(addprefix -Xcompiler ,$(EXTRA_CCFLAGS))
ALL_LDFLAGS := $(ALL_CCFLAGS) $(addprefix -Xlinker ,$(EXTRA_LDFLAGS))
{common}
GENCODE := $(foreach sm,$(SMS),-gencode arch=compute_$(sm),code=sm_$(sm))
LIBRARIES += $(LT) -lcudart -lcublas -lcudnn
"""
_FREEIMAGE = """\
INCLUDES += -IFreeImage/include
LIBRARIES += -LFreeImage/lib/$(TARGET_OS)/$(TARGET_ARCH) -lfreeimage-standin
$(shell printf '#include "FreeImageStandIn.h"\\nint main(void) {{ return 0; }}\\n' >probe.c)
$(shell $(NVCC) $(ALL_CCFLAGS) $(INCLUDES) $(LIBRARIES) -o probe.out probe.c)
ifeq ($(wildcard probe.out),)
$(info >>> WARNING - FreeImage is not set up correctly: a stand-in for NVIDIA's words <<<)
WAIVED := 1
endif
$(shell rm -f probe.c probe.out)
"""
_QNX = """\
ifeq ($(TARGET_OS),qnx)
$(info >>> WARNING - {sample} is not for qnx: a stand-in for NVIDIA's words <<<)
WAIVED := 1
endif
"""
_RULES = """\
ifdef WAIVED
EXEC ?= @echo "[@]"
endif
all: {sample}
{sample}: device.o {sample}.o
\t$(EXEC) $(NVCC) $(ALL_LDFLAGS) $(GENCODE) -o $@ $+ $(INCLUDES) $(LIBRARIES) -lstdc++ -lm
%.o: %.cpp
\t$(EXEC) $(HOST_COMPILER) $(INCLUDES) $(EXTRA_CCFLAGS) -DWHERE='"$(TARGET_OS)/$(TARGET_ARCH)/$(SBSA)"' -o $@ -c $<
%.o: %.cu
\t$(EXEC) $(NVCC) $(INCLUDES) $(ALL_CCFLAGS) $(GENCODE) -o $@ -c $<
"""
_PROGRAM = """\
#include <cudnn.h>
#include <stdio.h>
int device();
int main() { printf("%d %d %d %s\\n", CUDNN_MAJOR, (int)cudnnGetVersion(), device(), WHERE); return 0; }
"""
_DEVICE = """\
#include <cudnn.h>
int device() { return CUDNN_MAJOR * 1000 + __CUDACC_VER_MAJOR__; }
"""
_NVCC = """\
#!/bin/sh
# a stand-in: gives the host compiler what is meant for it, its own folders last, as nvcc does
top=$(dirname "$0")/.. cc=g++ target=
for one; do shift
  case "$skip$one" in
    ccbin*) cc=$one skip= ;;
    gencode*) skip= ;;
    target*) target=$one skip= ;;
    -ccbin) skip=ccbin ;;
    -gencode) skip=gencode ;;
    -target-dir) skip=target ;;
    -Xcompiler | -m64) ;;
    *.cu) set -- "$@" -x c++ "$one" -x none ;;
    *) set -- "$@" "$one" ;;
  esac
done
case ${target:-$cc} in *aarch64-linux-gnu*) target=aarch64-linux ;; *nto-qnx*) target=aarch64-qnx ;; esac
case $target in *-*) ;; *) target=x86_64-linux ;; esac
exec "$cc" -D__CUDACC_VER_MAJOR__=99 "$@" -I"$top/targets/$target/include" -L"$top/targets/$target/lib"
"""
_VERSION = {"MAJOR": "{major}", "MINOR": 0, "PATCHLEVEL": 5}
_STUBS = ("cudart", "cublas", "cublasLt")
_REGISTER = (
    "__cudaRegisterFatBinary", "__cudaRegisterFatBinaryEnd", "__cudaUnregisterFatBinary", "__cudaInitModule",
)  # fmt: skip


def write(path: Path, text: str, mode: int = 0o644) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def makefile(era: Era, sample: str) -> str:
    """Return the Makefile of a sample; ``mnistCUDNN`` is the one that wants FreeImage."""
    second = f" -I$(CUDA_PATH)/{era.second}/include" if era.second else ""
    further = f"-L$(CUDA_PATH)/lib64 -L$(CUDA_PATH)/{era.second}/lib64" if era.second else ""
    ways = _OLD.format(includes=f"-I$(CUDA_PATH)/include{second}", libraries=further) if era.old else _NEW
    middle = _MIDDLE.format(common="include ../samples_common.mk" if era.common else "SMS ?= 50 75")
    wanting = _FREEIMAGE.format() + (_QNX.format(sample=sample) if era.qnx else "") if sample == "mnistCUDNN" else ""
    return _HEAD.format(name=era.name) + ways + middle + wanting + _RULES.format(sample=sample)


def write_tree(folder: Path, era: Era, *, freeimage: bool = False) -> Path:
    """Write ``conv_sample`` and ``mnistCUDNN``, with FreeImage beside it where it is to be there; return the folder."""
    for sample in ("conv_sample", "mnistCUDNN"):
        write(folder / sample / "Makefile", makefile(era, sample))
        write(folder / sample / f"{sample}.cpp", _PROGRAM)
        write(folder / sample / "device.cu", _DEVICE)
    if era.common:
        write(folder / "samples_common.mk", _COMMON)
    if freeimage:
        beside = folder / "mnistCUDNN" / "FreeImage"
        write(beside / "include" / "FreeImageStandIn.h", "\n")
        for arch, compiler in (("x86_64", "gcc"), ("aarch64", "aarch64-linux-gnu-gcc")):
            library(beside / "lib" / "linux" / arch / "libfreeimage-standin.so", "int freeimage;\n", compiler)
    return folder


def library(path: Path, text: str, compiler: str = "gcc", soname: str = "") -> Path:
    """Compile a shared library."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = [f"-Wl,-soname,{soname}"] if soname else []
    command = [compiler, "-shared", "-fPIC", "-x", "c", *flags, "-o", path, "-"]
    subprocess.run(command, input=text, text=True, check=True)
    return path


def write_cudnn(folder: Path, major: int, compiler: str = "gcc", lib: str = "lib") -> Path:
    """Write ``include`` and ``lib`` of a cuDNN of that major version, and return the folder."""
    macros = "".join(f"#define CUDNN_{name} {number}\n" for name, number in _VERSION.items())
    header = macros.format(major=major) + 'extern "C" unsigned long cudnnGetVersion(void);\n'
    write(folder / "include" / "cudnn.h", header)
    soname = f"libcudnn.so.{major}"
    text = f"unsigned long cudnnGetVersion(void) {{ return {major}005; }}\n"
    library(folder / lib / soname, text, compiler, soname)
    (folder / lib / "libcudnn.so").symlink_to(soname)
    return folder


def write_toolkit(folder: Path, *, real: bool = False) -> Path:
    """Write a CUDA toolkit with a stand-in nvcc, or with links to the real one of this machine; return the folder."""
    if real:
        (folder / "bin").mkdir(parents=True)
        for one in [*(REAL / "bin").iterdir(), *(REAL / "include").iterdir(), REAL / "nvvm"]:
            link = folder / one.relative_to(REAL)
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(one)
    else:
        write(folder / "bin" / "nvcc", _NVCC, 0o755)
        write(folder / "include" / "cuda.h", "#define CUDA_VERSION 11010\n")
    for target in ("aarch64-linux", "sbsa-linux", "aarch64-qnx"):
        _write_libraries(folder / "targets" / target / "lib", "aarch64-linux-gnu-gcc")
    _write_libraries(folder / "targets" / "x86_64-linux" / "lib", "gcc", REAL / "lib" if real else None)
    (folder / "targets" / "x86_64-linux" / "include").symlink_to("../../include")
    (folder / "lib64").symlink_to("targets/x86_64-linux/lib")
    return folder


def _write_libraries(folder: Path, compiler: str, real: Path | None = None) -> None:
    """Write what samples are linked with, and what nvcc links unasked; with ``real``, the runtime is that."""
    folder.mkdir(parents=True)
    for one in real.iterdir() if real else ():
        (folder / one.name).symlink_to(one)
    for name in _STUBS:
        if not (folder / f"lib{name}.so").exists():
            library(folder / f"lib{name}.so", f"int {name};\n", compiler)
    if not real:
        command = [compiler, "-c", "-x", "c", "-o", folder / "static.o", "-"]
        subprocess.run(command, input="".join(f"void {one}(void) {{ }}\n" for one in _REGISTER), text=True, check=True)
        for name in ("cudart_static", "cudadevrt"):
            subprocess.run(["ar", "rc", folder / f"lib{name}.a", folder / "static.o"], check=True)

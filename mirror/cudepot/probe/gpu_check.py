"""Proves on a GPU that an installed cuDNN works: convolution, pooling and softmax, compared with plain Python.

A program of its own, run as a child by the Python of the environment that is looked at: a cuDNN that lacks a library
aborts the whole process. Standard library only, Python 3.8 or newer, no compiler, no framework. It speaks to the
driver (``libcuda.so.1``) for memory and time, and to cuDNN by the descriptor calls that versions 7, 8 and 9 share::

    gpu_check.py [--preload LIBRARY]... LIBRARY...

tries the libraries in turn, takes the first that loads, and prints what is known as one JSON object a line, before each
step that may take long or end the process, and at the end: what was loaded, on which GPU, each test's figures, the step
(empty at the end), and the fault that ended it, if one did.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import math
import sys
from ctypes import Structure, byref, c_float, c_int, c_size_t, c_void_p
from pathlib import Path
from typing import Any

FLOAT, NCHW, CROSS_CORRELATION, MAX_POOLING, PROPAGATE_NAN, ACCURATE, CHANNEL = 0, 0, 1, 0, 1, 1, 1
"""Values of cuDNN's enumerations, the same in 7, 8 and 9."""
IMPLICIT_GEMM = 0
NO_DEVICE = 100
"""CUDA_ERROR_NO_DEVICE."""
CAPABILITY = (75, 76)
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR."""
WARM_UP, ROUNDS = 3, 20
MOST_WORKSPACE = 1 << 28
TOLERANCE = 1e-2
SAMPLES = 200


class Fault(Exception):  # noqa: N818 - what ends the check, not an error of this program
    """What ends the check: its kind (``driver``, ``gpu``, ``library``, ``call``) and a sentence."""

    def __init__(self, kind: str, told: str) -> None:
        super().__init__(told)
        self.kind = kind


class Perf(Structure):
    """cudnnConvolutionFwdAlgoPerf_t."""

    _fields_ = (
        ("algo", c_int), ("status", c_int), ("time", c_float), ("memory", c_size_t),
        ("determinism", c_int), ("math_type", c_int), ("reserved", c_int * 3),
    )  # fmt: skip


class Driver:
    """The CUDA driver: one context on device 0, memory, time."""

    def __init__(self) -> None:
        self.api = loaded("driver", ["libcuda.so.1"])
        self.call("cuInit", 0)
        self.device, context = c_int(), c_void_p()
        self.call("cuDeviceGet", byref(self.device), 0)
        self.call("cuDevicePrimaryCtxRetain", byref(context), self.device)
        self.call("cuCtxSetCurrent", context)

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function of the driver."""
        status = getattr(self.api, name)(*arguments)
        if status:
            kind = "gpu" if status == NO_DEVICE else "driver" if name == "cuInit" else "call"
            raise Fault(kind, "no CUDA device" if status == NO_DEVICE else f"{name}: {self.told(status)}")

    def told(self, status: int) -> str:
        """Return the driver's words for an error."""
        text = ctypes.c_char_p()
        self.api.cuGetErrorString(status, byref(text))
        return f"{(text.value or b'unknown error').decode()} ({status})"

    def facts(self) -> dict[str, Any]:
        """Return name, compute capability and the driver's CUDA version."""
        name, version, one = ctypes.create_string_buffer(256), c_int(), c_int()
        self.call("cuDeviceGetName", name, 256, self.device)
        self.call("cuDriverGetVersion", byref(version))
        capability = []
        for attribute in CAPABILITY:
            self.call("cuDeviceGetAttribute", byref(one), attribute, self.device)
            capability.append(one.value)
        return {"gpu": name.value.decode(), "capability": capability, "driver_cuda": version.value}

    def room(self, size: int) -> c_void_p:
        """Return device memory of ``size`` bytes; none for none."""
        place = c_void_p()
        if size:
            self.call("cuMemAlloc_v2", byref(place), c_size_t(size))
        return place

    def sent(self, values: list[float]) -> c_void_p:
        """Return device memory that holds the values as floats."""
        place = self.room(4 * len(values))
        self.call("cuMemcpyHtoD_v2", place, (c_float * len(values))(*values), c_size_t(4 * len(values)))
        return place

    def fetched(self, place: c_void_p, count: int) -> Any:
        """Return that many floats from device memory."""
        values = (c_float * count)()
        self.call("cuCtxSynchronize")
        self.call("cuMemcpyDtoH_v2", values, place, c_size_t(4 * count))
        return values

    def timed(self, step: Any) -> float:
        """Return the milliseconds one of many steps takes on the GPU."""
        begin, end, took = c_void_p(), c_void_p(), c_float()
        for event in (begin, end):
            self.call("cuEventCreate", byref(event), 0)
        for _ in range(WARM_UP):
            step()
        self.call("cuEventRecord", begin, None)
        for _ in range(ROUNDS):
            step()
        self.call("cuEventRecord", end, None)
        self.call("cuEventSynchronize", end)
        self.call("cuEventElapsedTime", byref(took), begin, end)
        return took.value / ROUNDS


class Cudnn:
    """One cuDNN, by the descriptor calls that 7, 8 and 9 share."""

    def __init__(self, api: Any) -> None:
        self.api = api
        api.cudnnGetErrorString.restype = ctypes.c_char_p
        api.cudnnGetVersion.restype = api.cudnnGetCudartVersion.restype = c_size_t
        self.handle = c_void_p()

    def open(self) -> None:
        """Create the handle all later calls need."""
        self.call("cudnnCreate", byref(self.handle))

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function of cuDNN."""
        status = getattr(self.api, name)(*arguments)
        if status:
            raise Fault("call", f"{name}: {self.api.cudnnGetErrorString(status).decode()} ({status})")

    def made(self, kind: str, setter: str, *values: int) -> c_void_p:
        """Return a descriptor of a kind, set."""
        descriptor = c_void_p()
        self.call(f"cudnnCreate{kind}Descriptor", byref(descriptor))
        self.call(setter, descriptor, *values)
        return descriptor

    def tensor(self, shape: tuple[int, ...]) -> c_void_p:
        """Return the descriptor of a tensor N, C, H, W of floats."""
        return self.made("Tensor", "cudnnSetTensor4dDescriptor", NCHW, FLOAT, *shape)


class Tensor:
    """A tensor on the GPU: shape, memory and descriptor."""

    def __init__(self, driver: Driver, cudnn: Cudnn, shape: tuple[int, ...], values: Any = None) -> None:
        self.shape, self.count, self.values = shape, math.prod(shape), values
        self.place = driver.room(4 * self.count) if values is None else driver.sent(values)
        self.descriptor = cudnn.tensor(shape)


def pattern(count: int, step: int) -> list[float]:
    """Return repeatable values in [-1, 1] that are exact in every number format a GPU multiplies in."""
    return [((index * step) % 33 - 16) / 16 for index in range(count)]


class Convolution:
    """A forward convolution, padded so that the picture keeps its size, stride 1.

    Args:
        source: N, C, H, W.
        filters: K, C, R, S.
    """

    name = "convolution"

    def __init__(self, driver: Driver, cudnn: Cudnn, source: tuple[int, ...], filters: tuple[int, ...]) -> None:
        self.driver, self.cudnn, self.filters, self.pad = driver, cudnn, filters, filters[2] // 2
        self.source = Tensor(driver, cudnn, source, pattern(math.prod(source), 7))
        self.weights = pattern(math.prod(filters), 5)
        self.weights_place = driver.sent(self.weights)
        self.kernel = cudnn.made("Filter", "cudnnSetFilter4dDescriptor", FLOAT, NCHW, *filters)
        form = (self.pad, self.pad, 1, 1, 1, 1, CROSS_CORRELATION, FLOAT)
        self.how = cudnn.made("Convolution", "cudnnSetConvolution2dDescriptor", *form)
        self.target = Tensor(driver, cudnn, self._shape())
        self.algorithm, size = self._algorithm()
        self.size, self.workspace = size, driver.room(size)

    def _four(self) -> tuple[c_void_p, ...]:
        return self.source.descriptor, self.kernel, self.how, self.target.descriptor

    def _shape(self) -> tuple[int, ...]:
        sides = [c_int() for _ in range(4)]
        given = (self.how, self.source.descriptor, self.kernel)
        self.cudnn.call("cudnnGetConvolution2dForwardOutputDim", *given, *map(byref, sides))
        return tuple(one.value for one in sides)

    def _algorithm(self) -> tuple[int, int]:
        """Return the algorithm cuDNN would choose and the bytes it wants to work in."""
        found, perfs, size = c_int(), (Perf * 8)(), c_size_t()
        self.cudnn.call(
            "cudnnGetConvolutionForwardAlgorithm_v7", self.cudnn.handle, *self._four(), 8, byref(found), perfs
        )
        able = [one for one in perfs[: found.value] if not one.status and one.memory <= MOST_WORKSPACE]
        algorithm = able[0].algo if able else IMPLICIT_GEMM
        if able:
            self.cudnn.call("cudnnSetConvolutionMathType", self.how, able[0].math_type)
        self.cudnn.call(
            "cudnnGetConvolutionForwardWorkspaceSize", self.cudnn.handle, *self._four(), algorithm, byref(size)
        )
        return algorithm, size.value

    def step(self) -> None:
        """Run it once."""
        source, kernel, how, target = self._four()
        self.cudnn.call(
            "cudnnConvolutionForward", self.cudnn.handle, byref(c_float(1)), source, self.source.place,
            kernel, self.weights_place, how, self.algorithm, self.workspace, c_size_t(self.size),
            byref(c_float(0)), target, self.target.place,
        )  # fmt: skip

    def wanted(self, image: int, channel: int, row: int, column: int) -> float:
        """Return what one output has to be."""
        _, channels, height, width = self.source.shape
        total = 0.0
        for one, down, right in itertools.product(range(channels), *map(range, self.filters[2:])):
            y, x = row + down - self.pad, column + right - self.pad
            if 0 <= y < height and 0 <= x < width:
                at = ((channel * channels + one) * self.filters[2] + down) * self.filters[3] + right
                total += self.source.values[((image * channels + one) * height + y) * width + x] * self.weights[at]
        return total

    def operations(self) -> int:
        """Return how many additions and multiplications one run takes."""
        return 2 * self.target.count * math.prod(self.filters[1:])


class Pooling:
    """A forward maximum pooling of squares of 2 x 2."""

    name = "pooling"

    def __init__(self, driver: Driver, cudnn: Cudnn, shape: tuple[int, ...]) -> None:
        self.driver, self.cudnn = driver, cudnn
        self.source = Tensor(driver, cudnn, shape, pattern(math.prod(shape), 7))
        self.target = Tensor(driver, cudnn, (*shape[:2], shape[2] // 2, shape[3] // 2))
        form = (MAX_POOLING, PROPAGATE_NAN, 2, 2, 0, 0, 2, 2)
        self.how = cudnn.made("Pooling", "cudnnSetPooling2dDescriptor", *form)

    def step(self) -> None:
        """Run it once."""
        self.cudnn.call(
            "cudnnPoolingForward", self.cudnn.handle, self.how, byref(c_float(1)), self.source.descriptor,
            self.source.place, byref(c_float(0)), self.target.descriptor, self.target.place,
        )  # fmt: skip

    def wanted(self, image: int, channel: int, row: int, column: int) -> float:
        """Return what one output has to be."""
        _, channels, height, width = self.source.shape
        start = ((image * channels + channel) * height + 2 * row) * width + 2 * column
        best: float = max(self.source.values[start + place] for place in (0, 1, width, width + 1))
        return best

    def operations(self) -> int:
        """Return how many comparisons one run takes."""
        return 3 * self.target.count


class Softmax:
    """A forward softmax over the channels."""

    name = "softmax"

    def __init__(self, driver: Driver, cudnn: Cudnn, shape: tuple[int, ...]) -> None:
        self.driver, self.cudnn = driver, cudnn
        self.source = Tensor(driver, cudnn, shape, pattern(math.prod(shape), 7))
        self.target = Tensor(driver, cudnn, shape)

    def step(self) -> None:
        """Run it once."""
        self.cudnn.call(
            "cudnnSoftmaxForward", self.cudnn.handle, ACCURATE, CHANNEL, byref(c_float(1)), self.source.descriptor,
            self.source.place, byref(c_float(0)), self.target.descriptor, self.target.place,
        )  # fmt: skip

    def wanted(self, image: int, channel: int, row: int, column: int) -> float:
        """Return what one output has to be."""
        _, channels, height, width = self.source.shape
        start = (image * channels * height + row) * width + column
        powers = [math.exp(self.source.values[start + one * height * width]) for one in range(channels)]
        return powers[channel] / sum(powers)

    def operations(self) -> int:
        """Return about how many operations one run takes: exponential, sum, division."""
        return 3 * self.target.count


def proved(test: Any) -> dict[str, Any]:
    """Run a test, compare outputs spread over the whole result with plain Python, and time it."""
    test.step()
    found = test.driver.fetched(test.target.place, test.target.count)
    off = []
    for index in range(0, test.target.count, max(1, test.target.count // SAMPLES)):
        want = test.wanted(*place(index, test.target.shape))
        off.append(abs(found[index] - want) / max(1.0, abs(want)))
    took = test.driver.timed(test.step)
    figures = {"ms": took, "gflops": test.operations() / took / 1e6 if took else 0.0}
    passed = all(one <= TOLERANCE for one in off)  # False for a NaN, which JSON does not have
    worst = max(off) if all(map(math.isfinite, off)) else None
    return {"name": test.name, "shape": list(test.source.shape), "worst": worst, "passed": passed, **figures}


def place(index: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return N, C, H, W of an index."""
    found = []
    for side in reversed(shape):
        index, one = divmod(index, side)
        found.append(one)
    return tuple(reversed(found))


def loaded(kind: str, names: list[str]) -> Any:
    """Return the first library that loads."""
    told = []
    for name in names:
        try:
            return ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            told.append(str(error))
    raise Fault(kind, "; ".join(told))


def mapped(stem: str) -> list[str]:
    """Return the files of that name that the loader has taken."""
    with Path("/proc/self/maps").open(encoding="utf-8", errors="replace") as maps:
        paths = {line.split(None, 5)[-1].strip() for line in maps if "/" in line}
    return sorted(path for path in paths if path.rsplit("/", 1)[-1].startswith(stem))


def check(preload: list[str], libraries: list[str], result: dict[str, Any]) -> None:
    """Fill ``result`` with what is found, and print it as it grows; raise Fault where it ends early."""
    for one in preload:
        loaded("library", [one])
    cudnn = Cudnn(loaded("library", libraries))
    result["library"] = mapped("libcudnn.so")
    result["version"], result["cuda"] = cudnn.api.cudnnGetVersion(), cudnn.api.cudnnGetCudartVersion()
    driver = Driver()
    result.update(driver.facts())
    tell(result, "cudnnCreate")
    cudnn.open()
    for kind, *shapes in (
        (Convolution, (16, 64, 56, 56), (64, 64, 3, 3)),
        (Pooling, (16, 64, 56, 56)),
        (Softmax, (1024, 10, 1, 1)),
    ):
        tell(result, kind.name)
        result["tests"].append(proved(kind(driver, cudnn, *shapes)))


def tell(result: dict[str, Any], step: str) -> None:
    """Print what is known before a step: who waits in vain for its end knows where it stands."""
    result["step"] = step
    print(json.dumps(result), flush=True)  # noqa: T201


def main(arguments: list[str]) -> None:
    """Check and print."""
    preload = [arguments[at + 1] for at, one in enumerate(arguments[:-1]) if one == "--preload"]
    libraries = arguments[2 * len(preload) :]
    result: dict[str, Any] = {"fault": None, "tests": []}
    try:
        check(preload, libraries, result)
    except Fault as fault:
        result["fault"] = {"kind": fault.kind, "told": str(fault)}
    except AttributeError as error:
        result["fault"] = {"kind": "library", "told": str(error)}
    result["libraries"] = mapped("libcu") + mapped("libnvrtc")
    tell(result, "")


if __name__ == "__main__":
    main(sys.argv[1:])

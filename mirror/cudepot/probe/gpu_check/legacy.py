"""Convolution, pooling and softmax by the descriptor calls that cuDNN 7, 8 and 9 share."""

from __future__ import annotations

import ctypes
import itertools
import math
from abc import ABC, abstractmethod
from ctypes import Structure, byref, c_float, c_int, c_size_t, c_void_p
from typing import Any

from .driver import Driver, Fault

FLOAT, NCHW, CROSS_CORRELATION, MAX_POOLING, PROPAGATE_NAN, ACCURATE, CHANNEL = 0, 0, 1, 0, 1, 1, 1
"""Values of cuDNN's enumerations, the same in 7, 8 and 9."""
IMPLICIT_GEMM = 0
MOST_WORKSPACE = 1 << 28
TOLERANCE = 1e-2
SAMPLES = 200


class Perf(Structure):
    """cudnnConvolutionFwdAlgoPerf_t."""

    _fields_ = (
        ("algo", c_int), ("status", c_int), ("time", c_float), ("memory", c_size_t),
        ("determinism", c_int), ("math_type", c_int), ("reserved", c_int * 3),
    )  # fmt: skip


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


class Buffer:
    """Floats on the GPU: their shape, and the values they had at first where they were sent there."""

    def __init__(self, driver: Driver, shape: tuple[int, ...], values: Any = None) -> None:
        self.shape, self.count, self.values = shape, math.prod(shape), values
        self.place = driver.room(4 * self.count) if values is None else driver.sent(values)


class Tensor(Buffer):
    """A buffer with cuDNN's descriptor of it."""

    def __init__(self, driver: Driver, cudnn: Cudnn, shape: tuple[int, ...], values: Any = None) -> None:
        super().__init__(driver, shape, values)
        self.descriptor = cudnn.tensor(shape)


class Computation(ABC):
    """What runs on the GPU and is compared: its input ``source`` and output ``target``, N, C, H, W."""

    name: str
    driver: Driver
    source: Buffer
    target: Buffer

    @abstractmethod
    def step(self) -> None:
        """Run it once."""

    @abstractmethod
    def wanted(self, image: int, channel: int, row: int, column: int) -> float:
        """Return what one output has to be."""

    @abstractmethod
    def operations(self) -> int:
        """Return how many operations one run takes."""

    def position(self, index: int) -> tuple[int, ...]:
        """Return N, C, H, W of an index into the output."""
        return place(index, self.target.shape)


def pattern(count: int, step: int) -> list[float]:
    """Return repeatable values in [-1, 1] that are exact in every number format a GPU multiplies in."""
    return [((index * step) % 33 - 16) / 16 for index in range(count)]


class Convolution(Computation):
    """A forward convolution, padded so that the picture keeps its size, stride 1.

    Args:
        source: N, C, H, W.
        filters: K, C, R, S.
    """

    name = "convolution"
    source: Tensor
    target: Tensor

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


class Pooling(Computation):
    """A forward maximum pooling of squares of 2 x 2."""

    name = "pooling"
    source: Tensor
    target: Tensor

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


class Softmax(Computation):
    """A forward softmax over the channels."""

    name = "softmax"
    source: Tensor
    target: Tensor

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


def proved(test: Computation) -> dict[str, Any]:
    """Run a test, compare outputs spread over the whole result with plain Python, and time it."""
    test.step()
    found = test.driver.fetched(test.target.place, test.target.count)
    off = []
    for index in range(0, test.target.count, max(1, test.target.count // SAMPLES)):
        want = test.wanted(*test.position(index))
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

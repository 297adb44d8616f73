"""One graph by the backend API of cuDNN 8 and 9: convolution, bias and ReLU in one, as torch and JAX ask for it.

Numbers of enumerations: NVIDIA's public headers ``cudnn_backend.h`` (8) and ``cudnn_graph.h`` (9), where they are the
same. Layout NHWC, floats, engines by heuristic mode A.
"""

from __future__ import annotations

import itertools
import math
from ctypes import byref, c_bool, c_float, c_int, c_int64, c_void_p
from typing import Any

from .driver import Driver, Fault
from .legacy import Buffer, Computation, Cudnn, pattern

# cudnnBackendDescriptorType_t
POINTWISE, CONVOLUTION, ENGINECFG, ENGINEHEUR, PLAN, CONV_FORWARD, OP_POINTWISE, GRAPH, PACK, TENSOR = (
    0, 1, 3, 4, 5, 10, 13, 15, 16, 17,
)  # fmt: skip
# cudnnBackendAttributeType_t
HANDLE, DATA_TYPE, BOOLEAN, INT64, AS_FLOAT, VOID_PTR, CONV_MODE, HEUR_MODE, POINTWISE_MODE, DESCRIPTOR = (
    0, 1, 2, 3, 4, 6, 7, 8, 14, 15,
)  # fmt: skip
_FORMS = {
    INT64: c_int64, BOOLEAN: c_bool, AS_FLOAT: c_float, DESCRIPTOR: c_void_p, HANDLE: c_void_p, VOID_PTR: c_void_p,
}  # fmt: skip
FLOAT, CROSS_CORRELATION, MODE_A, ADD, RELU = 0, 1, 3, 0, 100
MOST_CONFIGS, ALIGNMENT, MOST_WORKSPACE = 16, 16, 1 << 28
FIRST = 8500
"""CUDNN_VERSION since which every build has engines that join the three; five digits since 9."""


def has_graphs(version: int) -> bool:
    """Return whether a cuDNN of that CUDNN_VERSION can be expected to run the graph."""
    return version >= FIRST


class Descriptor:
    """A backend descriptor that is being filled in."""

    def __init__(self, cudnn: Cudnn, kind: int) -> None:
        self.cudnn, self.place = cudnn, c_void_p()
        cudnn.call("cudnnBackendCreateDescriptor", kind, byref(self.place))

    def set(self, name: int, kind: int, *values: Any) -> Descriptor:
        """Set an attribute to values of one kind."""
        form: Any = _FORMS.get(kind, c_int)
        array = (form * len(values))(*values)
        self.cudnn.call("cudnnBackendSetAttribute", self.place, name, kind, c_int64(len(values)), array)
        return self

    def done(self) -> Descriptor:
        """Finish it; what does not fit together is refused now."""
        self.cudnn.call("cudnnBackendFinalize", self.place)
        return self

    def got(self, name: int, kind: int, array: Any) -> int:
        """Fill an array with an attribute's values; return how many there are."""
        count = c_int64()
        self.cudnn.call("cudnnBackendGetAttribute", self.place, name, kind, c_int64(len(array)), byref(count), array)
        return count.value


class Graph(Computation):
    """Convolution, bias and ReLU of one picture, joined; without padding, stride 1."""

    name = "graph"

    def __init__(self, driver: Driver, cudnn: Cudnn, source: tuple[int, ...], filters: tuple[int, ...]) -> None:
        self.driver, self.cudnn, self.filters = driver, cudnn, filters
        out = (source[0], filters[0], source[2] - filters[2] + 1, source[3] - filters[3] + 1)
        self.values, self.weights = pattern(math.prod(source), 7), pattern(math.prod(filters), 5)
        self.bias = pattern(filters[0], 3)
        self.source = Buffer(driver, source, self.values)
        self.target = Buffer(driver, out)
        self.places = [self.source.place, driver.sent(self.weights), driver.sent(self.bias), self.target.place]
        self.plan, size = self._plan(self._graph())
        self.pack = self._pack(driver.room(size))

    def _tensor(self, uid: int, shape: tuple[int, ...], *, virtual: bool = False) -> Descriptor:
        strides = (math.prod(shape[1:]), 1, shape[3] * shape[1], shape[1])  # NHWC, told as N, C, H, W
        one = Descriptor(self.cudnn, TENSOR).set(901, DATA_TYPE, FLOAT).set(902, INT64, *shape)
        one.set(903, INT64, *strides).set(906, INT64, uid).set(900, INT64, ALIGNMENT).set(907, BOOLEAN, virtual)
        return one.done()

    def _graph(self) -> Descriptor:
        x, w, y = self._tensor(0, self.source.shape), self._tensor(1, self.filters), self._tensor(3, self.target.shape)
        bias = self._tensor(2, (1, self.filters[0], 1, 1))
        raw, biased = self._tensor(4, self.target.shape, virtual=True), self._tensor(5, self.target.shape, virtual=True)
        how = Descriptor(self.cudnn, CONVOLUTION).set(100, DATA_TYPE, FLOAT).set(101, CONV_MODE, CROSS_CORRELATION)
        how.set(106, INT64, 2).set(102, INT64, 1, 1).set(103, INT64, 1, 1).set(104, INT64, 0, 0).set(105, INT64, 0, 0)
        convolution = Descriptor(self.cudnn, CONV_FORWARD).set(702, DESCRIPTOR, how.done().place)
        for name, one in ((704, x), (703, w), (705, raw)):
            convolution.set(name, DESCRIPTOR, one.place)
        convolution.set(700, AS_FLOAT, 1.0).set(701, AS_FLOAT, 0.0).done()
        added = self._pointwise(ADD, raw, biased, bias)
        last = self._pointwise(RELU, biased, y)
        self.kept = [x, w, y, bias, raw, biased, how, convolution, added, last]
        graph = Descriptor(self.cudnn, GRAPH).set(800, HANDLE, self.cudnn.handle)
        return graph.set(801, DESCRIPTOR, convolution.place, added.place, last.place).done()

    def _pointwise(self, mode: int, x: Descriptor, y: Descriptor, b: Descriptor | None = None) -> Descriptor:
        how = Descriptor(self.cudnn, POINTWISE).set(0, POINTWISE_MODE, mode).set(1, DATA_TYPE, FLOAT).done()
        one = Descriptor(self.cudnn, OP_POINTWISE).set(750, DESCRIPTOR, how.place).set(751, DESCRIPTOR, x.place)
        if b is not None:
            one.set(752, DESCRIPTOR, b.place)
        one.set(753, DESCRIPTOR, y.place)
        return one.done()

    def _plan(self, graph: Descriptor) -> tuple[Descriptor, int]:
        """Return the first plan that the heuristic offers and that can be built, and the bytes it works in."""
        heuristic = Descriptor(self.cudnn, ENGINEHEUR).set(201, DESCRIPTOR, graph.place).set(200, HEUR_MODE, MODE_A)
        heuristic.done()
        configs = [Descriptor(self.cudnn, ENGINECFG) for _ in range(MOST_CONFIGS)]
        array = (c_void_p * MOST_CONFIGS)(*(one.place for one in configs))
        count = heuristic.got(202, DESCRIPTOR, array)
        told = "the heuristic offers no engine"
        self.held = [graph, heuristic, *configs]
        for config in configs[:count]:
            try:
                return self._built(config)
            except Fault as fault:
                told = str(fault)
        raise Fault("unsupported", told)

    def _built(self, config: Descriptor) -> tuple[Descriptor, int]:
        plan = Descriptor(self.cudnn, PLAN).set(400, HANDLE, self.cudnn.handle).set(401, DESCRIPTOR, config.place)
        plan.done()
        size = (c_int64 * 1)()
        plan.got(402, INT64, size)
        if size[0] > MOST_WORKSPACE:
            raise Fault("call", f"an engine wants {size[0]} bytes to work in")
        return plan, size[0]

    def _pack(self, workspace: c_void_p) -> Descriptor:
        pack = Descriptor(self.cudnn, PACK).set(1001, VOID_PTR, *(one.value for one in self.places))
        return pack.set(1000, INT64, 0, 1, 2, 3).set(1003, VOID_PTR, workspace.value).done()

    def step(self) -> None:
        """Run it once."""
        self.cudnn.call("cudnnBackendExecute", self.cudnn.handle, self.plan.place, self.pack.place)

    def position(self, index: int) -> tuple[int, ...]:
        """Return N, C, H, W of an index into the output."""
        _, channels, height, width = self.target.shape
        index, channel = divmod(index, channels)
        index, column = divmod(index, width)
        image, row = divmod(index, height)
        return image, channel, row, column

    def wanted(self, image: int, channel: int, row: int, column: int) -> float:
        """Return what one output has to be."""
        _, channels, height, width = self.source.shape
        down, right = self.filters[2:]
        total = self.bias[channel]
        for y, x, one in itertools.product(range(down), range(right), range(channels)):
            at = ((image * height + row + y) * width + column + x) * channels + one
            total += self.values[at] * self.weights[((channel * down + y) * right + x) * channels + one]
        return max(total, 0.0)

    def operations(self) -> int:
        """Return how many additions and multiplications one run takes."""
        return 2 * math.prod(self.target.shape) * math.prod(self.filters[1:])

"""The CUDA driver through ctypes: one context on device 0, memory, time."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_float, c_int, c_size_t, c_void_p
from pathlib import Path
from typing import Any

NO_DEVICE, OUT_OF_MEMORY, UNAVAILABLE = 100, 2, 46
"""CUDA_ERROR_NO_DEVICE, CUDA_ERROR_OUT_OF_MEMORY, CUDA_ERROR_DEVICES_UNAVAILABLE."""
CAPABILITY = (75, 76)
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR."""
WARM_UP, ROUNDS = 3, 20
ENOUGH = 1 << 30
"""Free bytes below which a call that fails is blamed on the memory: cuDNN and cuBLAS load about half of it."""


class Fault(Exception):  # noqa: N818 - what ends the check, not an error of this program
    """What ends the check: its kind (``driver``, ``gpu``, ``full``, ``library``, ``call``) and a sentence."""

    def __init__(self, kind: str, told: str) -> None:
        super().__init__(told)
        self.kind = kind


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
        if status == NO_DEVICE:
            raise Fault("gpu", "no CUDA device")
        if status in (OUT_OF_MEMORY, UNAVAILABLE):
            raise Fault("full", f"{name}: {self.text_of(status)}")
        if status:
            raise Fault("driver" if name == "cuInit" else "call", f"{name}: {self.text_of(status)}")

    def text_of(self, status: int) -> str:
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

    def memory(self) -> tuple[int, int]:
        """Return free and total bytes of the device; zeros where the driver does not say."""
        free, total = c_size_t(), c_size_t()
        asked = getattr(self.api, "cuMemGetInfo_v2", None)
        return (0, 0) if asked is None or asked(byref(free), byref(total)) else (free.value, total.value)

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

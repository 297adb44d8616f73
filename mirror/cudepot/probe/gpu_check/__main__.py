"""Loads one cuDNN, computes with it, and prints what is known as one JSON object a line.

::

    python -m gpu_check [--preload LIBRARY]... LIBRARY...

tries the libraries in turn and takes the first that loads. It prints before each step that may take long or end the
process, and at the end: what was loaded, on which GPU, each test's figures, the step (empty at the end), and the fault
that ended it, if one did.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

from .driver import ENOUGH, Driver, Fault, loaded, mapped
from .graph import Graph, has_graphs
from .legacy import Convolution, Cudnn, Pooling, Softmax, proved

TESTS: tuple[tuple[Any, ...], ...] = (
    (Convolution, (16, 64, 56, 56), (64, 64, 3, 3)),
    (Pooling, (16, 64, 56, 56)),
    (Softmax, (1024, 10, 1, 1)),
)


def check(preload: list[str], libraries: list[str], result: dict[str, Any]) -> None:
    """Fill ``result`` with what is found, and print it as it grows; raise Fault where it ends early."""
    for one in preload:
        loaded("library", [one])
    cudnn = Cudnn(loaded("library", libraries))
    result["library"] = mapped("libcudnn.so") or mapped("libcudnn-")
    result["version"], result["cuda"] = cudnn.api.cudnnGetVersion(), cudnn.api.cudnnGetCudartVersion()
    driver = Driver()
    result.update(driver.facts())
    result["free"], result["memory"] = driver.memory()
    tell(result, "cudnnCreate")
    try:
        compute(driver, cudnn, result)
    except Fault as fault:
        result["free"], _ = driver.memory()
        if fault.kind == "call" and result["memory"] and result["free"] < ENOUGH:
            raise Fault("full", str(fault)) from fault
        raise


def compute(driver: Driver, cudnn: Cudnn, result: dict[str, Any]) -> None:
    """Run every test, then load the parts that none of them needed."""
    cudnn.open()
    for kind, *shapes in TESTS:
        tell(result, kind.name)
        result["tests"].append(proved(kind(driver, cudnn, *shapes)))
    if has_graphs(result["version"]):
        tell(result, Graph.name)
        try:
            result["tests"].append(proved(Graph(driver, cudnn, (2, 32, 16, 16), (32, 32, 3, 3))))
        except Fault as fault:
            if fault.kind != "unsupported":
                raise
            result["skipped"] = str(fault)
    load_parts(result)


def load_parts(result: dict[str, Any]) -> None:
    """Load every part beside the library, as a program that needs it would; one that cannot be loaded is a fault."""
    for path in map(Path, result["library"][:1]):
        major = path.name.partition(".so.")[2].partition(".")[0]
        for one in sorted(path.parent.glob("libcudnn_*.so." + major)):
            tell(result, f"loading {one}")  # a cut one may end the process
            try:
                ctypes.CDLL(str(one))
            except OSError as error:
                raise Fault("library", str(error)) from error


def tell(result: dict[str, Any], step: str) -> None:
    """Print what is known before a step: who waits in vain for its end knows where it is."""
    result["step"] = step
    print(json.dumps(result), flush=True)  # noqa: T201


def main(arguments: list[str]) -> None:
    """Check and print."""
    preload = [arguments[at + 1] for at, one in enumerate(arguments[:-1]) if one == "--preload"]
    libraries = arguments[2 * len(preload) :]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    result: dict[str, Any] = {"fault": None, "tests": [], "skipped": "", "visible": visible}
    try:
        check(preload, libraries, result)
    except Fault as fault:
        result["fault"] = {"kind": fault.kind, "told": str(fault)}
    except AttributeError as error:
        result["fault"] = {"kind": "library", "told": str(error)}
    result["cudnn"] = mapped("libcudnn")
    result["libraries"] = mapped("libcu") + mapped("libnvrtc")
    tell(result, "")


if __name__ == "__main__":
    main(sys.argv[1:])

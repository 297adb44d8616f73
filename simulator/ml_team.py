"""What a machine learning team installs, as three small real indexes: the public one, PyTorch's and NVIDIA's.

Names, requirements and the way files are spread are those of 2026; every wheel is a few hundred bytes, or has a
file that makes reading a part of it pay. What is odd about each index is here once, so that one lock meets it all.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator.project import Project
from simulator.python_files import Dist, backend, stub, wheel
from simulator.python_index import PythonIndex
from simulator.vendor_indexes import NvidiaIndex, PyTorchIndex, checksummed

PYTHONS = tuple(dict.fromkeys(["3.11", "3.12", "3.13", f"3.{sys.version_info.minor}"]))
LINUX = ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64")
PLATFORMS = (*LINUX, "win_amd64")
PYPI, TORCH, NVIDIA = "pypi", "torch-cu130", "nvidia-pypi"
_ON_LINUX = 'platform_system == "Linux"'
_PURE = (
    Dist("filelock", "3.20.0", requires_python=">=3.10"),
    Dist("typing-extensions", "4.15.0", requires_python=">=3.9"),
    Dist("fsspec", "2025.12.0"),
    Dist("networkx", "3.6"),
    Dist("mpmath", "1.3.0"),
    Dist("mpmath", "1.4.0"),
    Dist("sympy", "1.14.0", ("mpmath<1.4,>=1.1.0",)),
    Dist("Jinja2", "3.1.6", ("MarkupSafe>=2.0",)),
    Dist("colorama", "0.4.6"),
    Dist("tqdm", "4.67.1", ('colorama; platform_system == "Windows"',)),
    Dist("einops", "0.8.1"),
    Dist("accelerate", "1.12.0", ("numpy<3.0.0,>=1.17", "torch>=2.0.0")),
    Dist("transformers", "4.57.3", (
        "filelock", "numpy>=1.17", "tokenizers<=0.23.0,>=0.22.0", "tqdm>=4.27",
        'torch>=2.2; extra == "torch"', 'accelerate>=0.26.0; extra == "torch"', 'flash-attn; extra == "flash"',
    ), ("torch", "flash"), ">=3.9"),
    Dist("transformers", "5.0.0rc1", ("filelock", "numpy>=1.17", "tokenizers<=0.23.0,>=0.22.0"), ("torch",)),
)  # fmt: skip
_CUDA = {"nvidia-cublas": "13.1.0.3", "nvidia-cuda-runtime": "13.0.96", "nvidia-cudnn-cu13": "9.15.1.9"}
TORCH_REQUIRES = (
    "filelock", "typing-extensions>=4.10.0", "sympy>=1.13.3", "networkx>=2.5.1", "jinja2", "fsspec>=0.8.5",
    *(f"{name}=={version}; {_ON_LINUX}" for name, version in _CUDA.items()), f"triton==3.5.1; {_ON_LINUX}",
)  # fmt: skip


def compiled(*platforms: str) -> tuple[str, ...]:
    """Return a tag for each Python and platform."""
    names = [f"cp{one.replace('.', '')}" for one in PYTHONS]
    return tuple(f"{name}-{name}-{platform}" for name in names for platform in platforms)


class MlTeam:
    """The three indexes (a context manager).

    Args:
        odd: whether PyTorch's has METADATA that differ from what it says, at which plain uv gives up.

    Attributes:
        pypi, pytorch, nvidia: the indexes, each with its servers.
    """

    def __init__(self, folder: Path, *, odd: bool = True) -> None:
        self._odd = odd
        self.pypi, self.pytorch = PythonIndex(folder / "pypi"), PyTorchIndex(folder / "pytorch")
        self.nvidia, self._open = NvidiaIndex(folder / "nvidia"), contextlib.ExitStack()

    def __enter__(self) -> Self:
        for one in (self.pypi, self.pytorch, self.nvidia):
            self._open.enter_context(one)
        self._fill_pypi()
        self._fill_pytorch()
        self._fill_nvidia()
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self._open.close()

    def forget(self) -> None:
        """Start counting requests anew, everywhere."""
        for one in (self.pypi, self.pytorch, self.nvidia):
            one.forget()

    def files_asked(self) -> list[str]:
        """Return the paths of wheels and sdists that were asked for, in order, parts of them too."""
        servers = {
            one.port: one for index in (self.pypi, self.pytorch, self.nvidia) for one in (index.server, index.files)
        }
        return [
            one.path for server in servers.values() for one in server.requests if one.path.endswith((".whl", ".gz"))
        ]

    def add_upstreams(self, project: Project) -> None:
        """Add the three to a project; the public one is named first."""
        for name, index in ((PYPI, self.pypi), (TORCH, self.pytorch), (NVIDIA, self.nvidia)):
            project.add("upstream", name=name, type="simple", url=index.url)

    def _fill_pypi(self) -> None:
        for dist in _PURE:
            self.pypi.add(dist, source=True)
        self.pypi.offer(backend())
        for version in ("2.3.4", "2.3.5"):
            self.pypi.add(Dist("numpy", version, requires_python=">=3.11"), *compiled(*PLATFORMS), source=True)
        self.pypi.add(Dist("MarkupSafe", "3.0.3"), *compiled(*PLATFORMS), source=True)
        self.pypi.add(Dist("tokenizers", "0.22.1"), *(f"cp39-abi3-{one}" for one in PLATFORMS), source=True)
        self.pypi.add(Dist("triton", "3.5.1"), *compiled(*LINUX))
        for name, version in _CUDA.items():
            requires = ("nvidia-cublas",) if name == "nvidia-cudnn-cu13" else ()
            self.pypi.add(Dist(name, version, requires), *(f"py3-none-{one}" for one in PLATFORMS), size=100_000)
        self.pypi.add(Dist("torch", "2.9.1", TORCH_REQUIRES), *compiled(*PLATFORMS), size=100_000)
        self.pypi.add(Dist("torch", "2.10.0", TORCH_REQUIRES), *compiled(*PLATFORMS), size=100_000)
        self.pypi.add_source(Dist("flash-attn", "2.8.3", ("torch", "einops"), dynamic=True))
        self.pypi.add(Dist("xformers", "0.0.33", ("torch>=2.9", "numpy")), "cp39-abi3-manylinux_2_28_x86_64")
        for name in ("tensorrt-cu13", "tensorrt-cu13-libs"):
            self.pypi.offer(stub(Dist(name, "10.14.1.48"), self.nvidia.url))

    def _fill_pytorch(self) -> None:
        """Fill the index of CUDA 13.0: a file without a hash, one on R2 whose METADATA is odd, and others' names."""
        for tag in compiled(*PLATFORMS):
            torch = wheel(Dist("torch", "2.9.1+cu130", TORCH_REQUIRES, requires_python=">=3.10"), tag, size=200_000)
            on_r2 = "aarch64" in tag
            self.pytorch.offer(torch, elsewhere=on_r2, served=checksummed(torch) if on_r2 and self._odd else None)
            vision = wheel(Dist("torchvision", "0.24.1+cu130", ("numpy", "torch==2.9.1")), tag)
            self.pytorch.offer(vision, hashed=False, core_metadata=None)
        self.pytorch.add(Dist("numpy", "99.0"), hashed=False)
        jinja = wheel(Dist("Jinja2", "3.1.6", ("MarkupSafe>=2.0",)))
        self.pytorch.offer(jinja, elsewhere=True, served=checksummed(jinja) if self._odd else None)

    def _fill_nvidia(self) -> None:
        libs = Dist("tensorrt-cu13-libs", "10.14.1.48", ("nvidia-cuda-runtime",))
        self.nvidia.add(libs, *(f"py3-none-{one}" for one in PLATFORMS), size=100_000)
        bindings = Dist("tensorrt-cu13", "10.14.1.48", ("tensorrt-cu13-libs==10.14.1.48",))
        self.nvidia.add(bindings, *(f"py3-none-{one}" for one in PLATFORMS))

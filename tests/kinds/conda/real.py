"""A channel of real code on loopback, packed by rattler-build: zlib of this machine, `packaging`, a running Python."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.clients.conda_env import channel_with, described

import packaging

ZLIB = Path("/usr/lib/x86_64-linux-gnu/libz.so.1")
SPECS = ("python=3.12", "packaging", "zlib")
NAMES = {"python", "packaging", "zlib", "libzlib", "tzdata", "pip"}
"""What these bring along; pip where conda installs, which wants one wherever there is a Python."""
_PYTHON = """\
#!/bin/sh
here=$(cd "$(dirname "$0")/.." && pwd)
PYTHONPATH=$here/lib/python3.12/site-packages CONDA_PREFIX=$here exec {python} "$@"
"""
_CHECK = """\
import ctypes, os, packaging, packaging.version
print(packaging.__file__, packaging.version.Version("1.10") > packaging.version.Version("1.9"))
lib = ctypes.CDLL(os.environ["CONDA_PREFIX"] + "/lib/libz.so.1")
print(lib.crc32(0, b"cudepot", 7))
"""


def make(path: Path, work: Path) -> Path:
    """Make the channel at ``path``; ``work`` is a folder for what goes into its packages."""
    (libz := work / "libzlib/lib").mkdir(parents=True)
    shutil.copyfile(ZLIB, libz / "libz.so.1")
    (tool := work / "python/bin").mkdir(parents=True)
    (tool / "python").write_text(_PYTHON.format(python=sys.executable))
    (tool / "python").chmod(0o755)
    ours = work / "packaging/site-packages/packaging"
    shutil.copytree(Path(packaging.__file__).parent, ours, ignore=shutil.ignore_patterns("__pycache__"))
    (pip := work / "pip/site-packages/pip").mkdir(parents=True)
    (pip / "__init__.py").write_text('__version__ = "25.0"\n')
    (zone := work / "tzdata/share/zoneinfo").mkdir(parents=True)
    (zone / "UTC").write_bytes(b"TZif2" + bytes(15))
    (header := work / "zlib/include").mkdir(parents=True)
    (header / "zlib.h").write_text("/* stand-in */\n")
    return channel_with(
        path,
        described("libzlib", "1.3.1", work / "libzlib", depends=["__glibc >=2.17,<3.0.a0"]),
        described("zlib", "1.3.1", work / "zlib", depends=["libzlib 1.3.1 standin_0"]),
        described("python", "3.12.8", work / "python", depends=["libzlib >=1.3.1,<2.0a0", "tzdata"]),
        described("python", "3.13.0", work / "python", depends=["libzlib >=1.3.1,<2.0a0", "tzdata"]),
        described("tzdata", "2026.1", work / "tzdata", "noarch"),
        described("pip", "25.0", work / "pip", "noarch", noarch="python", depends=["python >=3.9"]),
        described(
            "packaging", packaging.__version__, work / "packaging", "noarch", noarch="python", depends=["python >=3.8"]
        ),
    )


def script(prefix: Path) -> tuple[str | Path, ...]:
    """Return the command that runs what was installed: Python imports, and calls into the library."""
    return (prefix / "bin/python", "-c", _CHECK)

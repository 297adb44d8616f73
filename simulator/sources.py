"""Source packages by the real ``dpkg-source``, and the Sources index of a pool by ``dpkg-scansources``."""

from __future__ import annotations

import shutil
from pathlib import Path

from simulator.process import run

_CONTROL = """\
Source: {name}
Section: devel
Priority: optional
Maintainer: cudatools <cudatools@example.com>
Standards-Version: 4.6.2

Package: {name}
Architecture: any
Description: stand-in
"""
_CHANGELOG = """\
{name} ({version}) stable; urgency=low

  * Stand-in.

 -- cudatools <cudatools@example.com>  Mon, 25 Apr 2022 23:27:19 +0000
"""


def write_source(name: str, version: str, pool: Path) -> list[Path]:
    """Build a source package of format 3.0 (native) into ``pool``; return its files, the ``.dsc`` first."""
    tree = pool / f"{name}-{version}"
    (tree / "debian/source").mkdir(parents=True)
    (tree / "debian/source/format").write_text("3.0 (native)\n")
    (tree / "debian/control").write_text(_CONTROL.format(name=name))
    (tree / "debian/changelog").write_text(_CHANGELOG.format(name=name, version=version))
    (tree / "hello.c").write_text("int main(void) { return 0; }\n")
    run("dpkg-source", "-b", tree.name, cwd=pool)
    shutil.rmtree(tree)
    return sorted(pool.glob(f"{name}_{version}.*"))


def sources_index(root: Path, pool: str) -> bytes:
    """Return the Sources index of the source packages below ``root/pool``."""
    return run("dpkg-scansources", pool, cwd=root).stdout.encode()

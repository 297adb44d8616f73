"""Index a conda channel with py-rattler, in a child process that leaves without tidying up.

py-rattler's threads can outlive the index and crash the interpreter while it shuts down (seen once in ten runs), so
the child exits hard as soon as the index is written.

Run as ``python -m cudepot.builders.channel_index FOLDER``.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from cudepot.errors import FormatError


def index_channel(folder: Path) -> None:
    """Write repodata (plain, .zst and sharded) for the packages below ``folder``.

    Raises:
        FormatError: py-rattler could not read a package.
    """
    command = [sys.executable, "-m", "cudepot.builders.channel_index", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wanted = folder / "noarch" / "repodata.json"
    if done.returncode or not wanted.exists():
        said = " ".join((done.stderr or done.stdout).split())[-400:]
        raise FormatError(f"indexing the conda channel failed: {said or f'exit status {done.returncode}'}")


def _main() -> None:
    from rattler.index import index_fs  # noqa: PLC0415 - only the child loads it

    asyncio.run(index_fs(Path(sys.argv[1]), write_zst=True, write_shards=True, force=True, max_parallel=1))
    os._exit(0)


if __name__ == "__main__":
    _main()

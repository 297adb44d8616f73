"""A file whose bytes go to the disk while it is written: complete, and no refusal of the disk is lost."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from cudepot.digest import Digest
from cudepot.store import trickling
from cudepot.store.local import LocalStore


def test_what_is_written_in_steps_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trickling, "_STEP", 1000)
    store = LocalStore(tmp_path / "store", create=True)

    def write(out: BinaryIO) -> None:
        for number in range(256):
            out.write(bytes([number]) * 999)
        end = out.tell()
        out.seek(0)
        out.write(b"head")
        out.seek(end)
        out.write(b"tail")

    wanted = bytearray(b"".join(bytes([number]) * 999 for number in range(256)) + b"tail")
    wanted[:4] = b"head"
    assert store.make(write) == Digest.of(bytes(wanted))
    with store.open(Digest.of(bytes(wanted))) as handle:
        assert handle.read() == wanted
    assert not list((store.root / "tmp").iterdir())


def test_a_refusal_of_the_disk_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe cannot be synced: what a disk says with EIO it says with EINVAL."""
    monkeypatch.setattr(trickling, "_STEP", 1)
    read, write = os.pipe()
    with io.FileIO(read), io.FileIO(write, "w") as pipe, ThreadPoolExecutor(1) as pool:
        file = trickling.Trickling(cast(BinaryIO, pipe), pool)
        file.write(b"x")
        with pytest.raises(OSError, match="Invalid argument"):
            file.settle().result()

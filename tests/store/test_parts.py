"""A part of an object: one writer at a time, whatever threads, processes and strangers do to it."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading

import pytest
from tests.store.objects import DATA, DIGEST, content
from tests.unprivileged import BARE

from cudepot.errors import StorageError
from cudepot.store.local import LocalStore


def test_a_part_is_written_by_one_and_who_waits_finds_the_object(store: LocalStore) -> None:
    """Whatever a second thread does with a part, the object has the promised bytes and no others."""
    begun, seen = threading.Event(), []

    def second() -> None:
        begun.set()
        with store.part(DIGEST) as part:
            seen.append(part.size)
            part.commit()

    with store.part(DIGEST) as part:
        part.write(DATA[:4000])
        other = threading.Thread(target=second)
        other.start()
        begun.wait()
        part.write(DATA[4000:])
        part.commit()
    other.join()
    assert seen == [len(DATA)], "nothing was left to write"
    assert content(store) == DATA
    assert not list((store.root / "parts").iterdir())


def test_whoever_waited_may_still_begin_again(store: LocalStore) -> None:
    store.add_bytes(DATA)
    with store.part(DIGEST) as part:
        part.restart()
        part.write(DATA)
        part.commit()
    assert content(store) == DATA


HOLDER = """
import sys
from pathlib import Path
from cudepot.digest import Digest
from cudepot.store.local import LocalStore
data = b"some bytes" * 1000
with LocalStore(Path(sys.argv[1])).part(Digest.of(data)) as part:
    part.write(data[:4000])
    print("held", flush=True)
    sys.stdin.readline()
    part.write(data[4000:])
    part.commit()
"""


def test_another_process_has_a_part_for_itself(store: LocalStore) -> None:
    command = [sys.executable, "-c", HOLDER, str(store.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (store.root / "parts" / DIGEST.sha256).open("rb") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        print(file=holder.stdin, flush=True)
        with store.part(DIGEST) as part:
            assert part.size == len(DATA)
            part.commit()
    assert content(store) == DATA


def test_a_part_that_something_else_writes_to_becomes_no_object(store: LocalStore) -> None:
    with store.part(DIGEST) as part:
        part.write(DATA)
        with (store.root / "parts" / DIGEST.sha256).open("ab") as other:
            other.write(b"and more")
        with pytest.raises(StorageError, match="written to by another program"):
            part.commit()
    assert not store.has(DIGEST)
    with store.part(DIGEST) as part:
        part.write(DATA)
        part.commit()
    assert content(store) == DATA


COMMITTER = """
import sys
from pathlib import Path
from cudepot.digest import Digest
from cudepot.store.local import LocalStore
data = b"some bytes" * 1000
with LocalStore(Path(sys.argv[1])).part(Digest.of(data)) as part:
    assert part.size == len(data)
    part.commit()
"""


def test_a_part_whose_writer_died_just_before_it_became_an_object_is_gone_on_with(store: LocalStore) -> None:
    with store.part(DIGEST) as part:
        part.write(DATA)
    left = store.root / "parts" / DIGEST.sha256
    left.chmod(0o444)
    subprocess.run([*BARE, sys.executable, "-c", COMMITTER, str(store.root)], check=True)
    assert content(store) == DATA

"""Errata, groups and modules are read whole: they are held to what repomd.xml tells, and to what memory can bear."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
import zstandard
from simulator.el import APPS, El
from simulator.project import Project
from tests.kinds.yum.el_world import add_el, add_environment

from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.kinds.yum.chain import opened, whole
from cudepot.kinds.yum.generations import Source, joined
from cudepot.kinds.yum.rules.mirror import DOCUMENT_LIMIT
from cudepot.store.local import LocalStore

TOO_MANY = "more bytes than allowed"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store", create=True)


def bomb(store: LocalStore) -> Digest:
    """Return what unpacks to a byte too many."""
    return store.add_bytes(zstandard.ZstdCompressor().compress(bytes(DOCUMENT_LIMIT + 1)))


def test_a_document_ends_where_it_is_said_to(store: LocalStore) -> None:
    document = store.add_bytes(b"12345")
    assert whole(store, document, "x") == whole(store, document, "x", open_size=5) == b"12345"
    with pytest.raises(FormatError, match=TOO_MANY):
        whole(store, document, "x", open_size=4)


@pytest.mark.parametrize("open_size", [-1, 1 << 40])
def test_one_that_no_memory_should_hold_is_refused(store: LocalStore, open_size: int) -> None:
    with pytest.raises(FormatError, match=TOO_MANY):
        whole(store, bomb(store), "x", open_size=open_size)


def test_generations_with_such_a_one_fail_where_it_is_opened(store: LocalStore) -> None:
    digest, good = bomb(store), store.add_bytes(b"<updates/>")
    sources = [Source("updateinfo", "x", partial(opened, store, one)) for one in (good, digest)]
    with joined(sources) as (one,), pytest.raises(FormatError, match=TOO_MANY):
        one.open(one.path)


@pytest.mark.parametrize("kind", ["modules", "group"])
def test_an_environment_is_not_locked_of_one_that_is_longer_than_told(el: El, project: Project, kind: str) -> None:
    repo = el.repository(APPS)
    text = repo.repomd.read_text()
    changed = re.sub(rf'(<data type="{kind}">.*?<open-size>)\d+', r"\g<1>3", text, count=1, flags=re.DOTALL)
    assert changed != text
    repo.repomd.write_text(changed)
    repo.sign()
    add_el(project, el)
    add_environment(project, "@writing")
    assert TOO_MANY in project.fail(10, "lock").error

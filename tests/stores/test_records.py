"""What is read of a bucket before anybody has signed it: paths stay inside the store."""

from __future__ import annotations

import pytest

from cudepot.digest import Digest
from cudepot.errors import StorageError
from cudepot.stores.s3.state import parse_files, rendered_files


def test_records_are_read_back_as_they_were_written() -> None:
    files = {"tags.json": "{}", "builds/ab.json": Digest.of(b"x"), "snapshots/000001.json.asc": "y"}
    assert parse_files(rendered_files(files), "s3://b/records") == files


@pytest.mark.parametrize("path", ["../cudepot.toml", "/etc/passwd", "builds/../../x", "a//b", ""])
def test_a_record_outside_the_store_is_refused(path: str) -> None:
    with pytest.raises(StorageError, match="s3://b/records"):
        parse_files(rendered_files({path: "x"}), "s3://b/records")

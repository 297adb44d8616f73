"""Files of the user keep what they are: a link, a mode, line ends; and are whole or as they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cudepot.errors import ConfigError
from cudepot.user_files import write_user_file, write_user_files, write_user_text


def test_a_new_file_can_be_read_by_others_and_its_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a/b/new"
    assert not write_user_file(path, b"one\r\ntwo\n")
    assert path.read_bytes() == b"one\r\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o644


def test_link_mode_and_line_ends_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old\r\n")
    real.chmod(0o640)
    link.symlink_to("real")
    assert write_user_text(link, "new\nlines\r\n\udcff")
    assert link.is_symlink()
    assert real.read_bytes() == b"new\r\nlines\r\n\xff"
    assert real.stat().st_mode & 0o777 == 0o640
    assert not write_user_text(link, "new\nlines\n\udcff"), "it said that already"


def test_a_link_that_leads_nowhere_gets_its_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("later/real")
    assert not write_user_text(tmp_path / "link", "new\n")
    assert (tmp_path / "later/real").read_bytes() == b"new\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to make a link that is another's")
def test_a_link_of_somebody_else_is_replaced(tmp_path: Path) -> None:
    link, secret = tmp_path / "link", tmp_path / "secret"
    secret.write_bytes(b"kept")
    link.symlink_to(secret)
    os.lchown(link, 65534, 65534)
    write_user_file(link, b"new")
    assert (secret.read_bytes(), link.read_bytes(), link.is_symlink()) == (b"kept", b"new", False)


def test_what_had_other_content_is_named(tmp_path: Path) -> None:
    files = {"b": b"1", "a": b"2", "c": b"3"}
    assert write_user_files(tmp_path, files) == ()
    assert write_user_files(tmp_path, {**files, "b": b"x", "a": b"y"}) == ("a", "b")


def test_what_is_in_the_way_is_named_and_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="file: File exists"):
        write_user_file(tmp_path / "file/y", b"new")
    with pytest.raises(ConfigError, match="folder: Is a directory"):
        write_user_file(tmp_path / "folder", b"new")
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["file", "folder"]

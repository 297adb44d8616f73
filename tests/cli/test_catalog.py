"""``cudepot catalog`` from the command line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from cudepot.catalog.nvidia.published import Catalog
from cudepot.cli.main import main
from cudepot.depot import nvidia_catalog as published


def test_it_lists_and_explains(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "--cuda", "11.1", "--platform", "linux-aarch64", "--version", "8.0.*", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (one,) = answer["files"]
    assert (one["file"], one["form"]) == ("cudnn-11.1-linux-aarch64sbsa-v8.0.5.39.tgz", "tgz")
    assert one["sha256"] == "0c3542c51b42131247cd9f839d0ebefe4e02bb46d1716be1682cb2919278085a"
    assert answer["reason"] == ""
    assert main(["catalog", "--cuda", "11.1", "--version", "8.0.5.39"]) == 0
    assert "support: 8.0.4 to 8.0.5 for CUDA 11.1" in capsys.readouterr().out
    assert main(["catalog", "--cuda", "11.0", "--platform", "linux-aarch64", "--version", "8.0.5.39"]) == 6
    assert "it was for 11.1" in capsys.readouterr().out


def test_it_recognises_a_file_by_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"release": f"7.0.{one}", "cuda": "9.0", "platform": "linux-x64", "file": "cudnn-9.0-linux-x64-v7.tgz",
         "sha256": hashlib.sha256(f"{one}".encode()).hexdigest(), "source": "1"}
        for one in (1, 2)
    ]  # fmt: skip
    document = {"version": 1, "base": "https://x/", "sources": {}, "files": rows}
    made = published.parse_catalog([document], {})
    monkeypatch.setattr(published, "load_catalog", lambda: made)
    assert isinstance(made, Catalog)
    folder = tmp_path / "other"
    folder.mkdir()
    paths = [tmp_path / "cudnn-9.0-linux-x64-v7.tgz", tmp_path / "download (1)", folder / "cudnn-9.0-linux-x64-v7.tgz"]
    for path, text in zip(paths, ("1", "2", "3"), strict=True):
        path.write_text(text)
    (tmp_path / "unknown").write_text("4")
    assert main(["catalog", "identify", *map(str, paths), str(tmp_path / "unknown"), "--json"]) == 5
    answer = json.loads(capsys.readouterr().out)
    assert [one["verdict"] for one in answer] == ["known", "renamed", "other-bytes", "unknown"]
    assert [one["known"]["version"] for one in answer[:2]] == ["7.0.1", "7.0.2"]
    assert [len(one["namesakes"]) for one in answer] == [1, 0, 2, 0]
    assert main(["catalog", "identify", str(paths[1])]) == 0
    assert "published as cudnn-9.0-linux-x64-v7.tgz" in capsys.readouterr().out
    assert main(["catalog", "identify", str(tmp_path / "none")]) == 3

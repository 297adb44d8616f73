"""The script for Windows clients: valid PowerShell whatever the names, and what it offers is what the site holds."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import tree_sitter_powershell
from hypothesis import given
from hypothesis import strategies as st
from tree_sitter import Language, Parser

from cudepot.catalog.client_windows import ZIP, WindowsClient, conda_packages, script, windows_wheels
from cudepot.data import data_folder

TEMPLATE = (data_folder("channel-config") / "clients" / "install-cudnn.ps1").read_text("utf-8")
POWERSHELL = Parser(Language(tree_sitter_powershell.language()))
ZIPS = {"cudnn-windows-x86_64-8.9.7.29_cuda11-archive.zip": "ab" * 32}
FULL = WindowsClient(
    "https://packages.example", "conda/main", 7, ("cudnn=8.9.7.29=cuda11_1",), ("nvidia-cudnn-cu11==8.9.7.29",), ZIPS
)


def parsed(data: bytes) -> str:
    """Return the script as text; fail when it is no PowerShell."""
    assert data.startswith(b"\xef\xbb\xbf")
    tree = POWERSHELL.parse(data[3:])
    assert not tree.root_node.has_error, str(tree.root_node)[:2000]
    return data[3:].decode()


def test_the_script_is_powershell_and_names_what_there_is() -> None:
    text = parsed(script(TEMPLATE, FULL))
    assert "$From = 'conda'" in text
    assert "$CondaPackages = @('cudnn=8.9.7.29=cuda11_1')" in text
    assert "$Wheels = @('nvidia-cudnn-cu11==8.9.7.29')" in text
    assert f"'{next(iter(ZIPS))}' = '{'ab' * 32}'" in text
    assert "CUDA_PATH" in text
    assert not re.search(r"@[A-Z]+@", text)
    assert text.count("\n") == text.count("\r\n")


def test_conda_asks_no_other_channel_where_the_site_has_all() -> None:
    assert "$OtherChannels = @()" in parsed(script(TEMPLATE, FULL))
    assert "$OtherChannels = @('--override-channels')" in parsed(script(TEMPLATE, replace(FULL, closed=True)))


def test_a_parser_that_accepts_all_would_show() -> None:
    assert POWERSHELL.parse(b"function { ( '").root_node.has_error


@given(st.text(alphabet="abc'$`\"(){}; -=.%@", max_size=30))
def test_no_name_breaks_out_of_its_quotes(name: str) -> None:
    client = WindowsClient(f"https://{name}", "conda/main", 1, (name or "x",), (), {name or "x": "0" * 64})
    text = parsed(script(TEMPLATE, client))
    quoted = (name or "x").replace("'", "''")
    assert f"@('{quoted}')" in text


@pytest.mark.parametrize(
    ("client", "form"),
    [
        (WindowsClient("u", "c", 1, (), ("x==1",), {}), "wheel"),
        (WindowsClient("u", "c", 1, (), (), ZIPS), "zip"),
    ],
)
def test_the_default_is_a_form_that_is_there(client: WindowsClient, form: str) -> None:
    assert f"$From = '{form}'" in parsed(script(TEMPLATE, client))


def test_only_what_is_for_windows_is_taken() -> None:
    paths = [
        "conda/main/win-64/cudnn-8.9.7.29-cuda11_1.conda", "conda/main/win-64/libcudnn-dev-9.1.0.70-h1_0.conda",
        "conda/main/linux-64/cudnn-8.9.7.29-cuda11_1.conda", "conda/main/win-64/repodata.json",
        "wheels/nvidia_cudnn_cu11-8.9.7.29+acme.1-py3-none-win_amd64.whl",
        "wheels/nvidia_cudnn_cu11-8.9.7.29+acme.1-py3-none-manylinux_2_17_x86_64.whl",
    ]  # fmt: skip
    assert conda_packages(paths) == ("cudnn=8.9.7.29=cuda11_1", "libcudnn-dev=9.1.0.70=h1_0")
    assert windows_wheels(paths) == ("nvidia-cudnn-cu11==8.9.7.29+acme.1",)
    assert ZIP.fullmatch("cudnn-10.2-windows10-x64-v8.0.5.39.zip")
    assert not ZIP.fullmatch("cudnn-linux-x86_64-8.9.7.29_cuda11-archive.tar.xz")

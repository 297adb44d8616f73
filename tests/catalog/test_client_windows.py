"""The script for Windows clients: valid PowerShell whatever the names, of one cuDNN in the forms the site has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
import tree_sitter_powershell
from hypothesis import given
from hypothesis import strategies as st
from tree_sitter import Language, Node, Parser

from cudepot.catalog.site.choice import Choice
from cudepot.catalog.site.holdings import Held
from cudepot.data import data_folder
from cudepot.digest import Digest
from cudepot.errors import PinError
from cudepot.workflows.export.windows_text import WindowsClient, choices, for_windows, one_cudnn, one_zip, script

TEMPLATE = (data_folder("channel-config") / "clients" / "install-cudnn.ps1").read_text("utf-8")
POWERSHELL = Parser(Language(tree_sitter_powershell.language()))
ZIP = "cudnn-windows-x86_64-8.9.7.29_cuda11-archive.zip"
FULL = WindowsClient(
    "https://packages.example",
    "conda/main",
    7,
    "8.9.7.29",
    "11",
    ("cudnn=8.9.7.29=cuda11_1",),
    ("nvidia-cudnn-cu11==8.9.7.29",),
    ZIP,
    "ab" * 32,
    f"files/downloads/{ZIP}",
)


def parsed(data: bytes) -> str:
    """Return the script as text; fail when it is no PowerShell."""
    assert data.startswith(b"\xef\xbb\xbf")
    tree = POWERSHELL.parse(data[3:])
    assert not tree.root_node.has_error, str(tree.root_node)[:2000]
    return data[3:].decode()


def nodes(kind: str) -> Iterator[Node]:
    waiting = [POWERSHELL.parse(script(TEMPLATE, FULL)[3:]).root_node]
    while waiting:
        one = waiting.pop()
        waiting += one.children
        if one.type == kind:
            yield one


def texts(kind: str) -> list[str]:
    return [(one.text or b"").decode() for one in nodes(kind)]


def test_the_script_is_powershell_and_names_what_there_is() -> None:
    text = parsed(script(TEMPLATE, FULL))
    assert "Installs cuDNN 8.9.7.29 for CUDA 11 from a cudepot site, as pinned in its snapshot 7." in text
    for line in (
        "$From = 'conda'",
        "$Cuda = '11'",
        "$CondaPackages = @('cudnn=8.9.7.29=cuda11_1')",
        "$Wheels = @('nvidia-cudnn-cu11==8.9.7.29')",
        f"$ZipName = '{ZIP}'",
        f"$ZipSha256 = '{'ab' * 32}'",
        f"$ZipUrl = 'https://packages.example/files/downloads/{ZIP}'",
        "$NeedsZlib = $true",
    ):
        assert line in text
    assert not re.search(r"@[A-Z]+@", text)
    assert text.count("\n") == text.count("\r\n")


def test_its_functions_and_variables_are_there() -> None:
    """StrictMode stops at what is not; here it is found without running it."""
    defined = set(texts("function_name"))
    called = {one for one in texts("command_name") if re.fullmatch(r"[A-Z]\w+-[A-Z]\w+", one)}
    cmdlets = {
        "Copy-Item", "ConvertFrom-Json", "Expand-Archive", "ForEach-Object", "Get-ChildItem", "Get-Command",
        "Get-Content", "Get-FileHash", "Invoke-WebRequest", "Join-Path", "New-Item", "Out-Null", "Out-String",
        "Remove-Item", "Select-Object", "Set-StrictMode", "Split-Path", "Test-Path", "Where-Object", "Write-Host",
        "Write-Warning",
    }  # fmt: skip
    assert called - defined == cmdlets
    assert defined <= called, "nothing is there for nothing"
    text = script(TEMPLATE, FULL)[3:].decode()
    assigned = set(re.findall(r"\$(?:script:)?(\w+) = |foreach \(\$(\w+) in|\] \$(\w+)[ ,)\r]", text))
    known = {name for found in assigned for name in found if name}
    automatic = {"_", "true", "false", "LASTEXITCODE", "Matches", "PSCmdlet", "WhatIfPreference"}
    used = set(re.findall(r"\$(?:script:)?(\w+)", re.sub(r"\$env:\w+", "", text)))
    assert used - automatic <= known
    assert not re.search(r'"[^"\r]*\$\w+:', re.sub(r"\$(?:env|script):", "", text)), "PowerShell takes it for a drive"


def test_what_is_removed_is_what_the_guide_removes_and_is_asked_about_first() -> None:
    text = script(TEMPLATE, FULL)[3:].decode()
    for pattern in ("'bin' = 'cudnn*.dll'", "'include' = 'cudnn*.h'", "'lib\\x64' = 'cudnn*.lib'"):
        assert pattern in text
    for body in texts("function_statement"):
        if "Remove-Item -Force" in body or "uninstall --yes" in body:
            assert "Confirm-Removal" in body
            assert body.index("Confirm-Removal") < max(body.find("Remove-Item -Force"), body.find("uninstall --yes"))
    (install,) = [one for one in texts("function_statement") if one.startswith("function Install-FromZip")]
    assert install.index("Get-Zip") < install.rindex("Remove-OldFiles") < install.index("Copy-Payload")


def test_cuda_path_is_set_to_a_toolkit_only() -> None:
    setting = [one for one in texts("if_statement") if "SetEnvironmentVariable('CUDA_PATH'" in one]
    assert len(setting) == 1
    assert setting[0].startswith("if (Test-Toolkit $CudaPath) {")
    assert "NVIDIA\\CUDNN" not in TEMPLATE


@pytest.mark.parametrize(
    ("version", "needs"),
    [("8.2.4.15", False), ("8.3.0.98", True), ("9.1.1.17", True), ("9.2.0.82", False), ("9.12.0.46", False)],
)
def test_zlib_is_wanted_from_8_3_to_9_1(version: str, needs: bool) -> None:
    assert f"$NeedsZlib = ${str(needs).lower()}" in parsed(script(TEMPLATE, replace(FULL, cudnn=version)))


def test_conda_asks_no_other_channel_where_the_site_has_all() -> None:
    assert "$OtherChannels = @()" in parsed(script(TEMPLATE, FULL))
    assert "$OtherChannels = @('--override-channels')" in parsed(script(TEMPLATE, replace(FULL, closed=True)))


def test_a_zip_that_is_not_shown_has_no_address() -> None:
    assert "$ZipUrl = ''" in parsed(script(TEMPLATE, replace(FULL, path="")))


def test_a_parser_that_accepts_all_would_show() -> None:
    assert POWERSHELL.parse(b"function { ( '").root_node.has_error


@given(st.text(alphabet="abc'$`\"(){}; -=.%@", max_size=30))
def test_no_name_breaks_out_of_its_quotes(name: str) -> None:
    client = WindowsClient(f"https://{name}", "conda/main", 1, conda=(name or "x",), zip=name or "x")
    text = parsed(script(TEMPLATE, client))
    quoted = (name or "x").replace("'", "''")
    assert f"@('{quoted}')" in text
    assert f"$ZipName = '{quoted}'" in text


@pytest.mark.parametrize(
    ("client", "form"),
    [
        (WindowsClient("u", "c", 1, wheels=("x==1",)), "wheel"),
        (WindowsClient("u", "c", 1, zip=ZIP), "zip"),
    ],
)
def test_the_default_is_a_form_that_is_there(client: WindowsClient, form: str) -> None:
    assert f"$From = '{form}'" in parsed(script(TEMPLATE, client))


# what is chosen


def held(kind: str, name: str, version: str, platform: str = "win-64", build: str = "") -> Held:
    path = f"{kind}/{name}-{version}-{build}"
    return Held(kind, name, version, platform, "", path, Digest.of(path.encode()), build)


CONDA = [held("conda", "cudnn", "8.9.7.29", build=f"cuda{cuda}_1") for cuda in ("11", "12")]
WHEELS = [held("wheel", f"nvidia-cudnn-cu{cuda}", "8.9.7.29+acme.1") for cuda in ("11", "12")]
ZIPS = [held("file", "cudnn", "8.9.7.29", build=f"cuda{cuda}") for cuda in ("11", "12")]
OTHER = [
    held("conda", "cudnn", "8.9.7.29", "linux-64", "cuda11_1"),
    held("conda", "cuda-version", "12.9", "noarch", "3"),
    held("wheel", "nvidia-cudnn-cu11", "8.9.7.29+acme.1", "linux-64"),
    held("wheel", "nvidia-cublas-cu11", "11.11.3.6"),
    held("deb", "libcudnn8", "8.9.7.29-1+cuda11.8", "amd64"),
]
SITE = for_windows([*CONDA, *WHEELS, *OTHER], ZIPS)


def test_only_what_is_for_windows_is_taken() -> None:
    assert {one.platform for one in SITE} == {"win-64", "noarch"}
    assert not [one for one in SITE if one.kind == "deb"]


def test_without_names_it_is_about_cudnn() -> None:
    found = choices(SITE, Choice("win-64", "11"))
    assert {kind: one.only for kind, one in found.items()} == {
        "conda": ("cudnn",), "wheel": ("nvidia-cudnn-cu11",), "file": ("cudnn",),
    }  # fmt: skip


def test_cudnn_means_the_wheels_too() -> None:
    for only in ("cudnn=8.9.7", "cudnn=8.9.7=cuda11*"):
        assert choices(SITE, Choice("win-64", "11", only=(only,)))["wheel"].only == ("nvidia-cudnn-cu11=8.9.7",)
    only = choices(SITE, Choice("win-64", only=("nvidia-cublas-cu11",)))
    assert {kind: one.only for kind, one in only.items()} == {"wheel": ("nvidia-cublas-cu11",)}


@pytest.mark.parametrize(
    ("choice", "told", "hint"),
    [
        (Choice("win-64", "13"), "none of it is for CUDA 13", "11, 12"),
        (Choice("win-64", only=("cudnn=9",)), "has no 'cudnn=9'", "8.9.7.29"),
    ],
)
def test_what_is_not_there_is_told(choice: Choice, told: str, hint: str) -> None:
    with pytest.raises(PinError, match=told) as failed:
        choices(SITE, choice)
    assert hint in (failed.value.hint or "")


def test_two_zips_are_not_clear() -> None:
    assert one_zip(ZIPS[:1] * 2) == ZIPS[0]
    with pytest.raises(PinError, match="several zips") as failed:
        one_zip(ZIPS)
    assert "--cuda 11" in (failed.value.hint or "")


def test_all_forms_bring_one_cudnn() -> None:
    eleven = {"conda": CONDA[:1], "wheel": WHEELS[:1], "zip": ZIPS[:1]}
    assert one_cudnn(eleven) == ("8.9.7.29", "11")
    assert one_cudnn(eleven | {"zip": [replace(ZIPS[0], build="cuda11.8")]}) == ("8.9.7.29", "11.8")
    assert one_cudnn({"wheel": [OTHER[3]]}) == ("", "")
    with pytest.raises(PinError, match=r"8\.9\.7\.29 for CUDA 11 \(conda\), 8\.9\.7\.29 for CUDA 12 \(zip\)") as failed:
        one_cudnn({"conda": CONDA[:1], "zip": ZIPS[1:]})
    assert failed.value.hint == "choose one with --cuda 11"
    with pytest.raises(PinError, match="several cuDNNs") as failed:
        one_cudnn({"conda": CONDA[:1], "zip": [replace(ZIPS[0], version="9.1.0.70")]})
    assert failed.value.hint == "choose one with --only cudnn=8.9.7.29"

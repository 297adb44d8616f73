"""``doctor PROGRAM``: what an executable, a library or a script gets, compared with what glibc's loader maps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.workflows.test_doctor_layouts import LIBRARIES, SITE

from cudepot.catalog.doctor.scripts import interpreter
from cudepot.cli.main import main
from simulator import cudnn_trees as trees

MAPS = """
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
int asks(void);
int main(int count, char **words) {
    char line[4096];
    if (count > 1 && !dlopen(words[1], RTLD_NOW)) { puts(dlerror()); return 1; }
#ifdef LINKED
    asks();
#endif
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (strstr(line, "libcudnn.so")) { fputs(strchr(line, '/'), stdout); return 0; }
    return 0;
}
"""
OLD, NEW = "-Wl,--disable-new-dtags,-rpath,", "-Wl,--enable-new-dtags,-rpath,"


def gcc(folder: Path, *words: object) -> None:
    subprocess.run(["gcc", "-w", *map(str, words)], cwd=folder, check=True)


def put(root: Path, *names: str) -> None:
    """Write a libcudnn.so.9 into each folder."""
    for name in names:
        (root / name).mkdir()
        (root / name / "libcudnn.so.9").write_bytes(trees.library("libcudnn.so.9", (9, 10, 2)))


def program(root: Path, middle: str = "", own: str = "") -> Path:
    """Build ``bin/program``, linked with ``mid/libmid.so``, which is linked with cuDNN, each with its search path."""
    (root / "mid").mkdir()
    (root / "bin").mkdir()
    (root / "mid/mid.c").write_text("int cudnnPresent(void); int asks(void) { return cudnnPresent(); }\n")
    (root / "bin/main.c").write_text(MAPS)
    gcc(
        root / "mid",
        "-shared",
        "-fPIC",
        "-Wl,-soname,libmid.so",
        "-o",
        "libmid.so",
        "mid.c",
        root / "one/libcudnn.so.9",
        *middle.split(),
    )
    gcc(
        root / "bin",
        "-DLINKED",
        "-o",
        "program",
        "main.c",
        "../mid/libmid.so",
        "-Wl,--allow-shlib-undefined",
        *own.split(),
    )
    return root / "bin/program"


def rpath_of_the_program(root: Path) -> tuple[Path, dict[str, str]]:
    """An old RPATH of the program holds for what its libraries need."""
    put(root, "one", "two")
    return program(root, "", f"{OLD}$ORIGIN/../mid:$ORIGIN/../one"), {"LD_LIBRARY_PATH": f"{root}/two"}


def runpath_of_the_program(root: Path) -> tuple[Path, dict[str, str]]:
    """A RUNPATH does not: LD_LIBRARY_PATH decides."""
    put(root, "one", "two")
    return program(root, "", f"{NEW}$ORIGIN/../mid:$ORIGIN/../one"), {"LD_LIBRARY_PATH": f"{root}/two"}


def runpath_of_the_library(root: Path) -> tuple[Path, dict[str, str]]:
    """The library's own RUNPATH comes after LD_LIBRARY_PATH, and puts the program's RPATH aside."""
    put(root, "one", "two")
    return program(root, f"{NEW}$ORIGIN/../two", f"{OLD}$ORIGIN/../mid:$ORIGIN/../one"), {}


def rpath_of_the_library_first(root: Path) -> tuple[Path, dict[str, str]]:
    put(root, "one", "two", "three")
    found = program(root, f"{OLD}$ORIGIN/../two", f"{OLD}$ORIGIN/../mid:$ORIGIN/../one")
    return found, {"LD_LIBRARY_PATH": f"{root}/three"}


def library_path_first(root: Path) -> tuple[Path, dict[str, str]]:
    put(root, "one", "two", "three")
    found = program(root, f"{NEW}$ORIGIN/../two", f"{NEW}$ORIGIN/../mid")
    return found, {"LD_LIBRARY_PATH": f"{root}/nowhere:{root}/three/:{root}/one"}


def origin_of_a_link(root: Path) -> tuple[Path, dict[str, str]]:
    """The program's $ORIGIN is that of the file its link leads to."""
    put(root, "one")
    found = program(root, "", f"{OLD}$ORIGIN/../mid:$ORIGIN/../one")
    (root / "else").mkdir()
    (root / "else/name").symlink_to(found)
    return root / "else/name", {}


def preloaded(root: Path) -> tuple[Path, dict[str, str]]:
    put(root, "one", "two")
    found = program(root, f"{OLD}$ORIGIN/../one", f"{OLD}$ORIGIN/../mid")
    return found, {"LD_PRELOAD": f"{root}/two/libcudnn.so.9"}


def other_processor(root: Path) -> tuple[Path, dict[str, str]]:
    """A library for another processor is passed over."""
    put(root, "one", "two")
    found = program(root, f"{OLD}$ORIGIN/../two:$ORIGIN/../one", f"{OLD}$ORIGIN/../mid")
    elf = (root / "two/libcudnn.so.9").read_bytes()
    (root / "two/libcudnn.so.9").write_bytes(elf[:18] + (183).to_bytes(2, "little") + elf[20:])
    return found, {}


LAYOUTS = (
    rpath_of_the_program, runpath_of_the_program, runpath_of_the_library, rpath_of_the_library_first,
    library_path_first, origin_of_a_link, preloaded, other_processor,
)  # fmt: skip


def asked(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, dict[str, Any]]:
    code = main(["doctor", "--json", *map(str, words)])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda one: one.__name__)
def test_it_gets_what_the_loader_maps(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    layout: Callable[[Path], tuple[Path, dict[str, str]]],
) -> None:
    found, variables = layout(tmp_path)
    done = subprocess.run([found], capture_output=True, text=True, env=os.environ | variables, check=True)
    for name, value in variables.items():
        if name != "LD_PRELOAD":
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "environ", os.environ | variables)
    _, result = asked(capsys, found)
    (one,) = result["programs"]
    assert one["real"] == done.stdout.strip() != ""


def test_what_it_opens_by_name_is_found_in_its_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "one")
    (tmp_path / "main.c").write_text(MAPS + 'const char *name = "libcudnn.so.9";\n')
    gcc(tmp_path, "-o", "program", "main.c", f"{OLD}$ORIGIN/one")
    done = subprocess.run([tmp_path / "program", "libcudnn.so.9"], capture_output=True, text=True, check=True)
    _, result = asked(capsys, tmp_path / "program")
    (one,) = result["programs"]
    assert (one["real"], one["why"], one["needs"]) == (done.stdout.strip(), "RPATH", False)


def test_a_program_whose_cudnn_is_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "one")
    found = program(tmp_path, "", f"{NEW}$ORIGIN/../mid")
    code, result = asked(capsys, found)
    assert code == 13
    assert subprocess.run([found], capture_output=True, check=False).returncode == 127
    (one,) = result["findings"]
    assert (one["name"], one["severity"]) == ("not-found", "error")
    assert one["what"] == f"{found} needs libcudnn.so.9, which is nowhere that the loader looks"


def test_a_program_that_asks_for_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "ls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("/usr/bin/ls: neither it nor the ") or lines[0].startswith(
        "/bin/ls: neither it nor the "
    )
    assert lines[1:] == ["no problems found"]


def test_faults_of_the_copy_a_program_gets_are_named_and_no_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A library of torch, in an image: its own copy is cut, and the system's lacks a part."""
    trees.venv(tmp_path / "opt/venv")
    trees.put_torch(tmp_path / "opt/venv" / SITE)
    trees.put_cuda(tmp_path / LIBRARIES)
    trees.put_cudnn(tmp_path / LIBRARIES, (9, 2, 1), runpath="")
    for one in (tmp_path / LIBRARIES).glob("libcudnn_adv*"):
        one.unlink()
    torch = f"/opt/venv/{SITE}/torch/lib/libtorch_cuda.so"
    code, result = asked(capsys, "--root", tmp_path, torch)
    assert (code, result["findings"]) == (0, [])
    assert [one["folder"] for one in result["copies"]] == [f"/opt/venv/{SITE}/nvidia/cudnn/lib"]
    path = tmp_path / "opt/venv" / SITE / "nvidia/cudnn/lib/libcudnn_cnn.so.9"
    path.write_bytes(path.read_bytes() + b"\0")
    code, result = asked(capsys, "--root", tmp_path, torch)
    assert (code, [one["name"] for one in result["findings"]]) == (13, ["changed-file"])


@pytest.mark.parametrize("how", ["python", "python3", "script", "long", "env", "zipapp"])
def test_python_and_its_scripts_get_what_their_environment_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    prefix = trees.venv(tmp_path / "with space/venv")
    trees.put_torch(prefix / SITE)
    (prefix / "bin").mkdir()
    for name in ("python", "python3"):
        (prefix / "bin" / name).symlink_to(sys.executable)
    python = prefix / "bin/python"
    texts = {
        "script": f"#!{python}\n",
        "long": f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\nimport sys\n",
        "env": "#!/usr/bin/env -S python3 -s\nimport sys\n",
        "zipapp": "#!/usr/bin/env python3\nPK\x03\x04",
    }
    if how == "script":
        (tmp_path / "plain").symlink_to(tmp_path / "with space/venv")
        texts["script"] = f"#!{tmp_path}/plain/bin/python -s\n"
    path = prefix / "bin" / how
    if how in texts:
        path.write_text(texts[how])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{prefix}/bin:{os.environ['PATH']}")
        code, result = asked(capsys, path)
    assert code == 0
    assert [one["name"] for one in result["programs"]] == ["torch 2.9.1"]


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"#!/opt/env/bin/python3.12\n", "/opt/env/bin/python3.12"),
        (b"#! /usr/bin/env python\n", "python"),
        (b"#!/usr/bin/env -S A=1 python3 -u\n", "python3"),
        (b"#!/bin/sh\n'''exec' /long/bin/python \"$0\" \"$@\"\n' '''\n", "/long/bin/python"),
        (b"#!/bin/sh\n'''exec' '/a b/bin/python3' \"$0\" \"$@\"\n", "/a b/bin/python3"),
        (b'#!/bin/sh\nexec python3 "$0"\n', "/bin/sh"),
        (b'#!/bin/sh\n\'\'\'exec\' "/unclosed "$0" "$@"\n', ""),
        (b"#!\n", ""),
        (b"\x7fELF", ""),
        (b"", ""),
    ],
)
def test_interpreters_as_scripts_name_them(head: bytes, found: str) -> None:
    assert interpreter(head) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#!/bin/sh\nexec python3 x\n", "a script for /bin/sh, not for Python"),
        ("plain text\n", ("neither a program nor a")),
    ],
)
def test_what_is_no_program_of_python_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    (tmp_path / "wrapper").write_text(text)
    for one in (tmp_path / "wrapper", tmp_path / "nowhere", tmp_path):
        assert main(["doctor", str(one)]) == 3
    assert words in capsys.readouterr().err
    assert main(["doctor", "--run", "ls"]) == 3
    assert "omit --prefix, --pid and --run" in capsys.readouterr().err


def test_a_libcudnn_itself_takes_its_parts_from_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trees.put_cuda(tmp_path / LIBRARIES)
    trees.put_cudnn(tmp_path / "opt/tar/lib")
    code, result = asked(capsys, "--root", tmp_path, "/opt/tar/lib/libcudnn.so.9")
    (one,) = result["programs"]
    assert (code, one["path"], one["why"]) == (0, "/opt/tar/lib/libcudnn.so.9", "itself")
    assert {part["path"].rpartition("/")[0] for part in one["parts"]} == {"/opt/tar/lib"}
    for part in (tmp_path / "opt/tar/lib").glob("libcudnn_graph*"):
        part.unlink()
    code, result = asked(capsys, "--root", tmp_path, "/opt/tar/lib/libcudnn.so.9")
    assert code == 13
    assert "missing-part" in {one["name"] for one in result["findings"]}


def test_a_python_whose_packages_need_no_cudnn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/pyvenv.cfg").touch()
    (tmp_path / "venv/bin/python3").symlink_to(sys.executable)
    assert main(["doctor", str(tmp_path / "venv/bin/python3")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(f"sees the packages of {tmp_path}/venv: no known framework in it uses cuDNN")
    assert lines[1:] == ["no problems found"]


def test_what_stands_for_a_python_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyenv's shims are shell scripts by the name of python3."""
    prefix = trees.venv(tmp_path / "venv")
    trees.put_torch(prefix / SITE)
    (tmp_path / "shims").mkdir()
    (tmp_path / "shims/python3").write_text(f"#!/bin/sh\necho {prefix}\n")
    (tmp_path / "shims/python3").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/shims:{os.environ['PATH']}")
    code, result = asked(capsys, "python3")
    assert code == 0
    assert [one["name"] for one in result["programs"]] == ["torch 2.9.1"]
    (tmp_path / "shims/python3").write_text("#!/bin/sh\nexit 1\n")
    assert main(["doctor", "python3"]) == 3
    assert "python3: does not run" in capsys.readouterr().err

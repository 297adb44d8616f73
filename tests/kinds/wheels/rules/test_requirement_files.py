"""Files of requirements, projects and locks as what they ask for; what cannot be asked for is told with its line."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from cudepot.errors import ConfigError
from cudepot.kinds.wheels.rules.asked import Asked
from cudepot.kinds.wheels.rules.requirement_files import asked_for, with_included

SHA, OTHER = "a" * 64, "b" * 64
REQUIREMENTS = f"""\
# of the team
torch == 2.9.1 ; sys_platform == "linux"   # the GPU machines
numpy>=2 \\
    --hash=sha256:{SHA} \\
    --hash=sha256:{OTHER.upper()}
-r more/base.in
--constraint=bounds.txt
Pillow[extra] <12
"""
PYPROJECT = """\
[project]
name = "ours"
dependencies = [
    "numpy>=2",
    "torch; python_version < '3.13'",
]
[project.optional-dependencies]
"The.Extra" = ["pandas"]
[dependency-groups]
test = ["pytest", {include-group = "lint"}]
lint = ["ruff"]
"""
UV_LOCK = f"""\
version = 1
requires-python = ">=3.11"

[[package]]
name = "ours"
version = "1"
source = {{ virtual = "." }}
dependencies = [{{ name = "numpy" }}, {{ name = "torch", extra = ["opt"], marker = "sys_platform == 'linux'" }}]

[package.optional-dependencies]
more = [{{ name = "pandas", version = "2.3" }}]

[[package]]
name = "numpy"
version = "2.2.6"
source = {{ registry = "https://index/simple" }}
resolution-markers = ["python_full_version < '3.11'"]
wheels = [{{ url = "https://h/x.whl", hash = "sha256:{SHA}", size = 1 }}]

[[package]]
name = "numpy"
version = "2.3.5"
source = {{ registry = "https://index/simple" }}
resolution-markers = ["python_full_version >= '3.12'", "python_full_version == '3.11.*'"]
sdist = {{ url = "https://h/x.tar.gz", hash = "sha256:{OTHER}" }}

[[package]]
name = "torch"
version = "2.9.1+cu130"
source = {{ registry = "https://index/simple" }}
"""
GIT = '[[package]]\nname = "g"\nversion = "1"\nsource = { git = "x" }\n'
PYLOCK = f"""\
lock-version = "1.0"
created-by = "uv"
[[packages]]
name = "numpy"
version = "2.3.5"
marker = "sys_platform == 'linux'"
wheels = [{{ name = "x.whl", url = "https://h/x.whl", hashes = {{ sha256 = "{SHA}" }} }}]
"""


def asked(spec: str = "x.in", **files: str) -> Asked:
    named = {name.replace("__", "/").replace("_", "."): text.encode() for name, text in files.items()}
    return asked_for([spec], named.__getitem__)


def test_requirements_as_pip_reads_them() -> None:
    found = asked(x_in=REQUIREMENTS, more__base_in="-c ../bounds.txt\nsix\n", bounds_txt="urllib3<3")
    assert found.requirements == ('torch==2.9.1; sys_platform == "linux"', "numpy>=2", "six", "Pillow[extra]<12")
    assert found.constraints == ("urllib3<3",)
    assert found.hashes == {"numpy": {SHA, OTHER}}


def test_all_that_files_include_is_known_for_the_request() -> None:
    files = {"x.in": b"-r more/base.in\n", "more/base.in": b"-cbounds.txt", "more/bounds.txt": b"-r ../x.in"}
    assert with_included(["x.in"], files.__getitem__) == files


def test_where_packages_come_from_is_for_cudepot_toml_to_say() -> None:
    found = asked(x_in="--index-url https://h/simple\n--extra-index-url=https://o/\nsix")
    assert found.requirements == ("six",)
    assert [one.partition(" ")[0] for one in found.notes] == ["x.in:1:", "x.in:2:"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("six\n\n-e .", "x.in:3: -e is not something"),
        ("--pre", "x.in:1: --pre is not something"),
        ("six\n./wheels/x.whl", "x.in:2: not a requirement"),
        ("# first\nsix \\\n  ==", "x.in:2: not a requirement"),
        ("six @ https://h/six.whl", "x.in:1: six is taken from a URL"),
        ("-r x.in", "x.in:1: x.in includes itself"),
        (f"six --hash=sha512:{SHA}{SHA}", "x.in:1: its hashes are sha512 only"),
        ("\u00e9".encode("latin-1").decode("latin-1"), "not a requirement"),
    ],
)
def test_what_cannot_be_asked_for_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        asked(x_in=text)


def test_files_that_include_others_without_end_are_refused() -> None:
    with pytest.raises(ConfigError, match="more than 64 files include each other"):
        asked_for(["x/r.in"], lambda _: b"-r x/r.in")
    with pytest.raises(ConfigError, match="more than 64 requirements files include each other"):
        with_included(["x/r.in"], lambda _: b"-r x/r.in")


def test_a_file_is_read_once_however_many_include_it() -> None:
    """Thirty files that include the next one twice would else be a thousand million."""
    files = {f"{number}.in": f"-r {number + 1}.in\n-c {number + 1}.in\n".encode() for number in range(30)}
    assert asked_for(["0.in"], {**files, "30.in": b"six"}.__getitem__) == Asked(("six",), ("six",))
    groups = "\n".join(
        f'g{number} = [{{ include-group = "g{number + 1}" }}, {{ include-group = "g{number + 1}" }}]'
        for number in range(30)
    )
    assert asked("p.toml[g0]", p_toml=f'[dependency-groups]\n{groups}\ng30 = ["six"]').requirements == ("six",)


def test_an_extra_that_names_others_of_its_project() -> None:
    text = '[project]\nname = "My_Project"\n[project.optional-dependencies]\na = ["six"]\nb = ["rich"]\n'
    assert asked("p.toml[all]", p_toml=f'{text}all = ["my-project[a,b]", "tqdm"]').requirements == (
        "six", "rich", "tqdm",
    )  # fmt: skip


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"x\.in: not UTF-8"):
        asked_for(["x.in"], lambda _: b"\xff")


def test_a_project_asks_for_its_dependencies_and_for_extras_and_groups_if_told() -> None:
    assert asked("p.toml", p_toml=PYPROJECT).requirements == ("numpy>=2", 'torch; python_version < "3.13"')
    more = asked("p.toml[the-extra, test]", p_toml=PYPROJECT).requirements
    assert more[2:] == ("pandas", "pytest", "ruff")


@pytest.mark.parametrize(
    ("spec", "text", "said"),
    [
        ("p.toml", "x = ", r"p\.toml: not TOML"),
        ("p.toml[none]", PYPROJECT, "no extra or dependency group is called 'none'"),
        ("p.toml", '[project]\ndependencies = [\n  "six",\n  "=",\n]', r"p\.toml:4: not a requirement"),
        ("p.toml", '[project]\nname = "x"\ndynamic = ["dependencies"]', r"p\.toml:3: dependencies come from a build"),
        ("p.toml", '[project]\ndependencies = ["six @ https://h/x"]', r"p\.toml:2: six is taken from a URL"),
        ("p.toml", "project = 3", r"p\.toml: malformed"),
        ("p.toml", '[project]\ndependencies = "six"', "expected a list, found 'six'"),
        ("p.toml[a]", '[project]\n[project.optional-dependencies]\na = "six"', "expected a list, found 'six'"),
    ],
)
def test_a_project_that_cannot_be_read(spec: str, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        asked(spec, p_toml=text)


def test_a_lock_of_uv_binds_the_versions_where_they_hold() -> None:
    found = asked("uv.lock[More]", uv_lock=UV_LOCK)
    assert found.requirements == ("numpy", 'torch[opt]; sys_platform == "linux"', "pandas==2.3")
    forks = 'python_full_version >= "3.12" or python_full_version == "3.11.*"'
    assert found.constraints == (
        'numpy==2.2.6; python_full_version < "3.11"', f"numpy==2.3.5; {forks}", "torch==2.9.1+cu130",
    )  # fmt: skip
    assert found.hashes == {"numpy": {SHA, OTHER}}


def test_a_pylock_asks_for_just_its_packages() -> None:
    found = asked("pylock.toml", pylock_toml=PYLOCK)
    assert found == Asked(('numpy==2.3.5; sys_platform == "linux"',), hashes={"numpy": frozenset({SHA})})


CHOICES = """\
lock-version = "1.0"
created-by = "x"
extras = ["Fast"]
dependency-groups = ["dev", "docs"]
default-groups = ["dev"]
"""


@pytest.mark.parametrize(
    ("spec", "marker", "holds"),
    [
        ("pylock.toml", "'fast' in extras", False),
        ("pylock.toml[fast]", '"Fast" in extras', True),
        ("pylock.toml[fast]", "'fast' not in extras", False),
        ("pylock.toml", "'dev' in dependency_groups", True),
        ("pylock.toml", "'docs' in dependency_groups", False),
        ("pylock.toml[docs]", "'docs' in dependency_groups and 'fast' not  in extras", True),
        ("pylock.toml[docs]", "'docs' in extras", False),
    ],
)
def test_what_a_pylock_has_for_extras_and_groups_that_are_asked_for(spec: str, marker: str, holds: bool) -> None:
    package = f'[[packages]]\nname = "six"\nversion = "1"\nmarker = """{marker}"""\nwheels = []\n'
    (found,) = asked(spec, pylock_toml=CHOICES + package).requirements
    told = Requirement(found).marker
    assert told
    assert told.evaluate() is holds


@pytest.mark.parametrize(
    ("spec", "text", "said"),
    [
        ("uv.lock", UV_LOCK + GIT, r"uv\.lock:\d+: g does not come from an index"),
        ("uv.lock", UV_LOCK.replace("python_full_version <", "python <"), r"uv\.lock:\d+|uv\.lock: not a requirement"),
        ("uv.lock[none]", UV_LOCK, "no extra or dependency group is called 'none'"),
        ("uv.lock", "version = 1", r"expected \[\[package\]\]"),
        ("uv.lock", '[[package]]\nname = "x"', r"uv\.lock: malformed \(KeyError"),
        ("pylock.toml", PYLOCK + '[[packages]]\nname = "v"\n', r"pylock\.toml:\d+: v does not come from an index"),
        ("pylock.toml[x]", PYLOCK, "no extra or dependency group is called 'x'"),
    ],
)  # fmt: skip
def test_a_lock_that_cannot_be_read(spec: str, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        asked(spec, **{spec.partition("[")[0].replace(".", "_"): text})

"""Files of conda, conda-lock and pixi as what they ask for; what cannot be read is told with its line."""

from __future__ import annotations

import pytest

from cudepot.errors import ConfigError
from cudepot.kinds.rules.conda_files.asked import FileAsked, Line
from cudepot.kinds.rules.conda_files.files import read_file
from cudepot.kinds.wheels.rules.requirement_files import asked_for

PLATFORMS = ("linux-64", "linux-aarch64")
MD5, SHA = "2" * 32, "a" * 64
FORGE = "https://conda.anaconda.org/conda-forge"
ENVIRONMENT = """\
name: ours
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.10
  - pytorch::pytorch >=2   # [linux]
  - pip
  - pip:
    - requests >=2  # why not
    - -r more.txt
"""
EXPLICIT = f"""\
# platform: linux-64
@EXPLICIT
{FORGE}/linux-64/zlib-1%213.1-h1_2.conda#{MD5}
{FORGE}/noarch/tzdata-2026a-h1_2.tar.bz2#sha256:{SHA.upper()}
# pip requests @ https://files.example/requests-2.28.0-py3-none-any.whl --hash=sha256:{SHA}
"""
CONDA_LOCK = f"""\
version: 1
metadata:
  channels:
  - url: conda-forge
    used_env_vars: []
  platforms: [linux-64]
package:
- name: zlib
  version: 1.3.1
  manager: conda
  platform: linux-64
  dependencies: {{libzlib: 1.3.1}}
  url: {FORGE}/linux-64/zlib-1.3.1-h1_2.conda
  hash: {{md5: '{MD5}', sha256: {SHA}}}
  category: main
  optional: false
- name: requests
  version: 2.28.0
  manager: pip
  platform: linux-64
  url: https://files.example/requests-2.28.0-py3-none-any.whl
  hash: {{sha256: {SHA}}}
  categories: [dev, test]
"""
PIXI_LOCK = f"""\
version: 6
environments:
  default:
    channels:
    - url: {FORGE}/
    packages:
      linux-64:
      - conda: {FORGE}/linux-64/zlib-1.3.1-h1_2.conda
      - pypi: https://files.example/requests-2.28.0-py3-none-any.whl
      osx-arm64:
      - pypi: https://files.example/requests-2.28.0-py3-none-any.whl
packages:
- conda: {FORGE}/linux-64/zlib-1.3.1-h1_2.conda
  sha256: {SHA}
  depends: [libzlib]
- pypi: https://files.example/requests-2.28.0-py3-none-any.whl
  name: requests
  version: 2.28.0
  sha256: {SHA}
"""
OLD_PIXI_LOCK = f"""\
version: 5
environments:
  default:
    channels: ['{FORGE}/']
    packages:
      linux-64: [conda: '{FORGE}/linux-64/zlib-1.3.1-h1_2.conda']
packages:
- kind: conda
  name: zlib
  url: {FORGE}/linux-64/zlib-1.3.1-h1_2.conda
  sha256: {SHA}
"""
PIXI = """\
[workspace]
channels = ["conda-forge", {channel = "nvidia/label/cuda-12.9.1", priority = 1}]
platforms = ["linux-64"]

[dependencies]
python = "3.12.*"
zlib = {version = ">=1", build = "h*", channel = "conda-forge"}
tzdata = "*"

[target.unix.dependencies]
python = "3.13.*"

[target.linux-aarch64.dependencies]
python = "3.11.*"

[feature.gpu.dependencies]
cudnn = ">=9"

[feature.lone.pypi-dependencies]
mine = {path = ".", editable = true}
theirs = {git = "https://h/x"}

[environments]
gpu = ["gpu"]
alone = {features = ["gpu"], no-default-feature = true}
lone = ["lone"]

[pypi-dependencies]
requests = {version = ">=2", extras = ["socks"]}
six = "1.16"

[target.linux-64.pypi-dependencies]
numpy = "*"

[system-requirements]
cuda = "12"
"""
FILES = {
    "environment.yml": ENVIRONMENT, "explicit.txt": EXPLICIT, "conda-lock.yml": CONDA_LOCK, "pixi.lock": PIXI_LOCK,
    "pixi.toml": PIXI, "more.txt": "six",
}  # fmt: skip


def read(name: str, *chosen: str, text: str = "") -> FileAsked:
    return read_file(name, (text or FILES[name]).encode(), chosen, PLATFORMS)


def texts(lines: tuple[Line, ...]) -> list[str]:
    return [one.text for one in lines]


def test_an_environment_file() -> None:
    found = read("environment.yml")
    assert found.specs == (
        Line("python=3.10", "environment.yml:6"),
        Line("pytorch >=2", "environment.yml:7", channel="pytorch"),
        Line("pip", "environment.yml:8"),
    )
    assert texts(found.channels) == ["conda-forge"]
    assert found.pip[0] == Line("requests >=2", "environment.yml:10")
    assert [one.partition(": ")[0] for one in found.notes] == ["environment.yml:7"]


def test_an_explicit_file() -> None:
    found = read("explicit.txt")
    zlib, tzdata = found.pinned
    assert (zlib.channel, zlib.subdir, zlib.filename, zlib.md5) == (FORGE, "linux-64", "zlib-1!3.1-h1_2.conda", MD5)
    assert (tzdata.subdir, tzdata.filename, tzdata.sha256) == ("noarch", "tzdata-2026a-h1_2.tar.bz2", SHA)
    assert {one.platform for one in found.pinned} == {"linux-64"}
    assert found.platforms == ("linux-64",)
    assert texts(found.channels) == [FORGE]
    bare = read("explicit.txt", text=f"@EXPLICIT\n{FORGE}/noarch/tzdata-2026a-h1_2.conda\n")
    assert bare.platforms is None


def test_a_lock_of_conda_lock() -> None:
    found = read("conda-lock.yml")
    (zlib,) = found.pinned
    assert (zlib.filename, zlib.md5, zlib.sha256, zlib.where) == (
        "zlib-1.3.1-h1_2.conda", MD5, SHA, "conda-lock.yml:8",
    )  # fmt: skip
    assert not found.pip
    assert texts(read("conda-lock.yml", "test").pip) == [f"requests==2.28.0 --hash=sha256:{SHA}"]


@pytest.mark.parametrize("text", [PIXI_LOCK, PIXI_LOCK.replace("version: 6", "version: 7"), OLD_PIXI_LOCK])
def test_a_lock_of_pixi(text: str) -> None:
    found = read("pixi.lock", text=text)
    (zlib,) = found.pinned
    assert (zlib.filename, zlib.platform, zlib.sha256) == ("zlib-1.3.1-h1_2.conda", "linux-64", SHA)
    assert texts(found.channels) == [f"{FORGE}/"]
    assert "linux-64" in (found.platforms or ())


def test_a_manifest_of_pixi() -> None:
    found = read("pixi.toml", "gpu")
    assert [(one.text, one.platform) for one in found.specs] == [
        ("cudnn >=9", ""),
        ("python 3.13.*", "linux-64"),
        ('zlib[version=">=1", build="h*"]', ""),
        ("tzdata", ""),
        ("python 3.11.*", "linux-aarch64"),
    ]
    assert texts(found.channels) == ["nvidia/label/cuda-12.9.1", "conda-forge"]
    assert texts(read("pixi.toml", "alone").specs) == ["cudnn >=9"]
    assert "cudnn >=9" not in texts(read("pixi.toml").specs)
    assert len(found.notes) == 1
    ours = PIXI.replace("theirs", "# theirs")
    assert [one.partition(": ")[0] for one in read("pixi.toml", "lone", text=ours).notes] == [
        "pixi.toml:20",
        "pixi.toml:35",
    ]


PYPROJECT = """\
[project]
name = "ours"
requires-python = ">=3.11, <3.14"
dependencies = ["requests>=2"]
optional-dependencies = { test = ["pytest"] }
[tool.pixi.workspace]
channels = ["conda-forge"]
platforms = ["linux-64"]
[tool.pixi.dependencies]
cudnn = "*"
[tool.pixi.pypi-dependencies]
ours = { path = ".", editable = true }
six = "==1.16"
[tool.pixi.feature.old.dependencies]
python = "3.11.*"
[tool.pixi.environments]
test = ["test"]
old = ["old"]
"""


def test_a_pyproject_is_the_manifest_of_pixi_that_it_stands_for() -> None:
    """The Python of the project, its dependencies as wheels, its extras as features."""
    found = read_file("pyproject.toml", PYPROJECT.encode(), ["test"], ["linux-64"])
    assert texts(found.specs) == ["python >=3.11,<3.14", "cudnn"]
    assert [(one.text, one.where) for one in found.pip] == [("requests>=2", "pyproject.toml:4")]
    assert texts(found.channels) == ["conda-forge"]
    assert [one.partition(": ")[0] for one in found.notes] == ["pyproject.toml:13", "pyproject.toml:12"]
    assert "six==1.16 in [tool.pixi.pypi-dependencies]: list it in `wheels`" in found.notes[0]
    old = read_file("sub/pyproject.toml", PYPROJECT.encode(), ["old"], ["linux-64"])
    assert texts(old.specs) == ["python 3.11.*", "python >=3.11,<3.14", "cudnn"]
    with pytest.raises(ConfigError, match=r"pyproject.toml: no \[tool.pixi\]"):
        read_file("pyproject.toml", b"[project]\nname = 'ours'\n", [], ["linux-64"])


MACHINE = 'sys_platform == "linux" and platform_machine == "x86_64"'


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ("environment.yml", ("requests>=2", "six")),
        ("explicit.txt", (f"requests==2.28.0; {MACHINE}",)),
        ("conda-lock.yml[dev]", (f"requests==2.28.0; {MACHINE}",)),
        ("conda-lock.yml", ()),
        ("pixi.lock", (f"requests==2.28.0; {MACHINE}",)),
        ("pixi.toml", ("requests[socks]>=2", "six==1.16", f"numpy; {MACHINE}")),
    ],
)
def test_what_is_left_to_pip_is_read_as_requirements(spec: str, wanted: tuple[str, ...]) -> None:
    found = asked_for([spec], lambda name: FILES[name].encode())
    assert found.requirements == wanted
    locked = spec in ("explicit.txt", "conda-lock.yml[dev]", "pixi.lock")
    assert found.hashes == ({"requests": frozenset({SHA})} if locked else {})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("environment.yml", "dependencies: []]", "environment.yml:1: not YAML"),
        ("environment.yml", "dependencies:\n- *x", "environment.yml:2: aliases"),
        ("environment.yml", "dependencies:\n- !!python/object:os.system x", "environment.yml:2: tags"),
        ("environment.yml", "dependencies: []\n---\na: b", "environment.yml:2: a second document"),
        ("environment.yml", "a: 1\ndependencies: []\na: 2", "environment.yml:3: 'a' appears twice here"),
        ("environment.yml", "[" * 60, "environment.yml:1: nested more than"),
        ("environment.yml", "dependencies: 3", "environment.yml:1: expected a list"),
        ("environment.yml", "dependencies:\n- sel(linux): gcc", "environment.yml:2: 'sel(linux)'"),
        ("environment.yml", "dependencies:\n- 'conda-forge:: '", "environment.yml:2: expected a match spec"),
        ("environment.yml", "name: x", "environment.yml: not an environment.yml"),
        ("explicit.txt", "@EXPLICIT\nzlib", "explicit.txt:2: not a package of a channel"),
        ("explicit.txt", "@EXPLICIT\nhttps://[::1/linux-64/x", "explicit.txt:2: not a package"),
        ("explicit.txt", f"@EXPLICIT\n{FORGE}/linux-64/a'b-1-0.conda", "explicit.txt:2: not a package"),
        ("explicit.txt", f"@EXPLICIT\n{FORGE}/linux-64/a-1-0.conda#12", "explicit.txt:2: neither an md5"),
        ("explicit.txt", f"# platform: win-64\n@EXPLICIT\n{FORGE}/linux-64/a-1-0.conda", "linux-64, win-64 in one"),
        ("conda-lock.yml", "version: 2\nmetadata: {}\npackage: []", "conda-lock.yml:1: version '2'"),
        ("pixi.lock", "version: 99\nenvironments: {}\npackages: []", "pixi.lock:1: version '99'"),
        ("pixi.lock", "version: 6\nenvironments: {}\npackages: []", "no environment 'default'"),
        ("pixi.toml", "[dependencies]\na = {git = 'https://h/a'}", "pixi.toml:2: a is taken from a git"),
        ("pixi.toml", "dependencies = 3", "pixi.toml: malformed"),
        ("pixi.toml", "[", "pixi.toml: not TOML"),
    ],
)
def test_faults_are_told_with_their_line(name: str, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(name, text=text)
    assert said in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "chosen"),
    [("environment.yml", "x"), ("conda-lock.yml", "x"), ("pixi.lock", "x"), ("pixi.toml", "x"), ("pixi.toml", "lone")],
)
def test_a_part_that_is_not_there_is_refused(name: str, chosen: str) -> None:
    with pytest.raises(ConfigError):
        read(name, chosen)

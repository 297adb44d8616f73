"""Which wheels a requirement means: versions, yanked files, build tags, platforms."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from cudepot.errors import ConfigError, PinError
from cudepot.formats.simple import IndexFile
from cudepot.kinds.wheels.rules.select import Project, parse_requirement


def files(*names: str) -> list[IndexFile]:
    """Return index entries; a name that begins with ``!`` is yanked."""
    return [IndexFile(one.lstrip("!"), "u", "0" * 64, 1, yanked=one.startswith("!")) for one in names]


def select(requirement: str, *names: str, subdirs: tuple[str, ...] = ("linux-64",)) -> list[str]:
    asked = parse_requirement(requirement)
    found = Project(asked.name, files(*names)).select(asked, subdirs)
    return [one.file.filename for one in found]


LINUX = "nvidia_cudnn_cu11-8.0.5.39-py3-none-manylinux1_x86_64.whl"
ARM = "nvidia_cudnn_cu11-8.0.5.39-py3-none-manylinux2014_aarch64.whl"
NEWER = "nvidia_cudnn_cu11-8.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
WINDOWS = "nvidia_cudnn_cu11-8.0.5.39-py3-none-win_amd64.whl"


def test_the_newest_version_that_fits_is_taken() -> None:
    assert select("nvidia-cudnn-cu11", LINUX, NEWER) == [NEWER]
    assert select("NVIDIA_cudnn.cu11<8.9", LINUX, NEWER) == [LINUX]


def test_other_projects_sdists_and_nonsense_are_passed_over() -> None:
    others = ("other-9-py3-none-any.whl", "nvidia_cudnn_cu11-9.tar.gz", "x.whl", "a-b-c-d-e-f-g.whl", "")
    assert select("nvidia-cudnn-cu11", LINUX, *others) == [LINUX]


def test_each_platform_asked_for_gets_its_wheel() -> None:
    both = select("nvidia-cudnn-cu11", LINUX, ARM, WINDOWS, subdirs=("linux-64", "linux-aarch64"))
    assert both == [LINUX, ARM]
    assert select("nvidia-cudnn-cu11", LINUX, ARM, WINDOWS) == [LINUX]
    with pytest.raises(PinError, match="has no wheel for linux-ppc64le") as caught:
        select("nvidia-cudnn-cu11", LINUX, ARM, subdirs=("linux-64", "linux-ppc64le"))
    assert LINUX in caught.value.hint


def test_plain_linux_tags_and_wheels_for_any_platform_count() -> None:
    assert select("a", "a-1-py3-none-linux_x86_64.whl") == ["a-1-py3-none-linux_x86_64.whl"]
    assert select("a", "a-1-py3-none-any.whl", subdirs=("linux-ppc64le",)) == ["a-1-py3-none-any.whl"]
    with pytest.raises(PinError):
        select("a", "a-1-py3-none-musllinux_1_1_x86_64.whl")


def test_of_several_builds_the_last_is_taken() -> None:
    builds = [f"a-1-{one}py3-none-any.whl" for one in ("", "2-", "10-", "10a-")]
    assert select("a", *builds) == ["a-1-10a-py3-none-any.whl"]


def test_yanked_wheels_are_for_exact_pins_only() -> None:
    assert select("a", "a-1-py3-none-any.whl", "!a-2-py3-none-any.whl") == ["a-1-py3-none-any.whl"]
    assert select("a==2", "a-1-py3-none-any.whl", "!a-2-py3-none-any.whl") == ["a-2-py3-none-any.whl"]
    with pytest.raises(PinError):
        select("a==2.*", "!a-2.0-py3-none-any.whl")


def test_pre_releases_are_for_those_who_ask() -> None:
    names = ("a-1-py3-none-any.whl", "a-2rc1-py3-none-any.whl")
    assert select("a", *names) == [names[0]]
    assert select("a>=2rc1", *names) == [names[1]]


def test_a_requirement_that_fits_nothing_names_what_is_there() -> None:
    with pytest.raises(PinError, match="'a>3'") as caught:
        select("a>3", "a-1-py3-none-any.whl", "a-2-py3-none-any.whl")
    assert caught.value.hint == "versions there: 1, 2"
    with pytest.raises(PinError) as caught:
        select("a", "b-1-py3-none-any.whl")
    assert caught.value.hint == "versions there: none"


@pytest.mark.parametrize("text", ["", "a b", "a @ https://example.com/a.whl", "a; python_version > '3'", "==1"])
def test_what_a_pin_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_requirement(text)


def test_an_exact_requirement_is_compared_with_what_may_fit_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of pins on one page must not be millions of comparisons."""
    compared = []
    contains = SpecifierSet.contains

    def counted(self: SpecifierSet, item: Version | str, **more: bool) -> bool:
        compared.append(item)
        return contains(self, item, **more)

    monkeypatch.setattr(SpecifierSet, "contains", counted)
    project = Project("a", files(*(f"a-1.{minor}-py3-none-any.whl" for minor in range(500))))
    for minor in range(500):
        (found,) = project.select(parse_requirement(f"a==1.{minor}"), ["linux-64"])
        assert str(found.version) == f"1.{minor}"
    assert len(compared) <= 1000
    project.select(parse_requirement("a>=1"), ["linux-64"])
    assert len(compared) <= 1002


def test_a_yanked_file_is_taken_only_where_a_platform_has_no_other() -> None:
    names = (
        "!a-1-py3-none-manylinux2014_x86_64.whl",
        "a-1-py3-none-manylinux1_x86_64.whl",
        "!a-1-py3-none-win_amd64.whl",
    )
    assert select("a==1", *names, subdirs=("linux-64", "win-64")) == [names[1], names[2].lstrip("!")]
    assert select("a", *names) == [names[1]]


def test_versions_near_the_one_asked_for_are_named() -> None:
    there = [f"a-{one}-py3-none-any.whl" for one in ("9.0.0.312.post1", *(f"9.{minor}.0" for minor in range(1, 20)))]
    with pytest.raises(PinError, match=r"9\.0\.0\.312 has no wheel, only a source package") as caught:
        select("a==9.0.0.312", "a-9.0.0.312.tar.gz", *there)
    assert caught.value.hint == "versions there: 9.0.0.312.post1"

"""Sdists: what they say of themselves, in every form that is met, and hostile ones."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.sdist_samples import pkg_info, tarred, zipped

from cudepot.errors import FormatError
from cudepot.formats import sdist_read
from cudepot.formats.sdist_read import LEGACY, BuildSystem, Sdist, build_system, read_sdist

RIGHT, WRONG = pkg_info("right"), pkg_info("wrong")
TOML = b'[build-system]\nrequires = ["a>=1", "b"]\nbuild-backend = "a.b:c"\n'


def read(data: bytes, limit: int = 1 << 30) -> Sdist:
    return read_sdist(io.BytesIO(data), limit=limit)


FORMS: dict[str, dict[str, bytes]] = {
    "a top folder": {"t-1.0/PKG-INFO": RIGHT, "t-1.0/pyproject.toml": TOML, "t-1.0/t.py": b""},
    "beside its egg-info": {
        "t-1.0/t.egg-info/PKG-INFO": WRONG,
        "t-1.0/src/t.egg-info/PKG-INFO": WRONG,
        "t-1.0/pyproject.toml": TOML,
        "t-1.0/PKG-INFO": RIGHT,
    },
    "of a project inside": {
        "t/vendor/PKG-INFO": WRONG,
        "t/PKG-INFO": RIGHT,
        "t/x/pyproject.toml": b"",
        "t/pyproject.toml": TOML,
    },
    "no top folder": {"pyproject.toml": TOML, "PKG-INFO": RIGHT},
    "no top folder, with egg-info": {"t.egg-info/PKG-INFO": WRONG, "PKG-INFO": RIGHT, "pyproject.toml": TOML},
    "dots": {"./t-1.0/PKG-INFO": RIGHT, "./t-1.0/pyproject.toml": TOML},
    "a file beside the folder": {"._t-1.0": b"mac", "t-1.0/PKG-INFO": RIGHT, "t-1.0/pyproject.toml": TOML},
}  # fmt: skip


@pytest.mark.parametrize("packed", [tarred, zipped])
@pytest.mark.parametrize("form", FORMS)
def test_the_right_texts_are_found_in_every_form(form: str, packed: object) -> None:
    assert callable(packed)
    assert read(packed(FORMS[form])) == Sdist(RIGHT, TOML)


def test_what_is_not_there_is_empty() -> None:
    assert read(tarred({"t/setup.py": b"x", "t/t.egg-info/PKG-INFO": WRONG})) == Sdist(b"", b"")
    assert read(tarred({"a/PKG-INFO": RIGHT, "b/PKG-INFO": WRONG})) == Sdist(b"", b"")


@given(
    st.sampled_from(["", "t-1.0/", "x.egg-info/", "ü/"]),
    st.lists(
        st.sampled_from(["a/PKG-INFO", "b.egg-info/PKG-INFO", "c/d/pyproject.toml", "setup.py", "z"]), unique=True
    ),
    st.randoms(),
)
def test_whatever_lies_beside_them_and_in_whatever_order(top: str, others: list[str], chance: object) -> None:
    files = {f"{top}PKG-INFO": RIGHT, f"{top}pyproject.toml": TOML} | {f"{top}{one}": WRONG for one in others}
    names = sorted(files)
    chance.shuffle(names)  # type: ignore[attr-defined]
    assert read(tarred({name: files[name] for name in names})) == Sdist(RIGHT, TOML)


def test_links_are_no_texts() -> None:
    assert read(tarred({"t/PKG-INFO": RIGHT}, ("t/pyproject.toml", "PKG-INFO"))) == Sdist(RIGHT, b"")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no archive",
        tarred({"../PKG-INFO": RIGHT}),
        tarred({"/PKG-INFO": RIGHT}),
        tarred({"t/PKG-INFO": RIGHT}, ("t/x", "../../etc/passwd")),
        tarred({"t/PKG-INFO": RIGHT, "./t/PKG-INFO": WRONG}),
        zipped({"t/PKG-INFO": RIGHT, "./t/PKG-INFO": WRONG}),
        tarred({"t/PKG-INFO": RIGHT})[:-30],
        tarred({"t/PKG-INFO": bytes((4 << 20) + 1)}),
        tarred({f"{one}/PKG-INFO": bytes(4 << 20) for one in range(9)}),
    ],
)
def test_hostile_and_damaged_ones_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        read(data)


def test_bombs_are_stopped() -> None:
    with pytest.raises(FormatError, match=r"more bytes|too many"):
        read(tarred({"t/x": bytes(20 << 20)}), limit=10 << 20)
    with pytest.raises(FormatError, match=r"more bytes|too many"):
        read_sdist(io.BytesIO(tarred({"t/x": bytes(120 << 20)})))


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdist_read, "MOST_IN_SDISTS", 5)
    for packed in (tarred, zipped):
        with pytest.raises(FormatError):
            read(packed({f"t/{one}": b"" for one in range(6)}))


def test_what_builds_it() -> None:
    assert build_system(Sdist(b"", TOML)) == BuildSystem(("a>=1", "b"), "a.b:c")
    assert build_system(Sdist(b"", b"")) == build_system(Sdist(b"", b"[tool.x]\n")) == LEGACY
    assert build_system(Sdist(b"", b"[build-system]\nrequires = []\n")) == BuildSystem((), LEGACY.backend)
    inside = b'[build-system]\nrequires = []\nbuild-backend = "x"\nbackend-path = ["."]\n'
    assert build_system(Sdist(b"", inside)) == BuildSystem((), "x", inside=True)


@pytest.mark.parametrize(
    "text",
    [
        "[build-system",
        'build-system = "x"',
        "[build-system]",
        "[build-system]\nrequires = [1]",
        '[build-system]\nrequires = "setuptools"',
        "[build-system]\nrequires = []\nbuild-backend = 1",
        "a = " + "[" * 100_000,
    ],
)
def test_what_says_nothing_about_the_build_is_an_error(text: str) -> None:
    with pytest.raises(FormatError, match=r"pyproject\.toml"):
        build_system(Sdist(b"", text.encode()))


def test_a_pyproject_that_is_no_text_is_an_error() -> None:
    with pytest.raises(FormatError, match="not TOML"):
        build_system(Sdist(b"", b"\xff\xfe"))

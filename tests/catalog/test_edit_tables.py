"""Tables of cudepot.toml come and go; every other byte stays."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cudepot.catalog.config.edit_tables import set_pairs, table_text, with_table, without_table
from cudepot.catalog.config.spec_names import is_about, name_in, replaced
from cudepot.errors import ConfigError

TEXT = """\
version = 1   # the first

# --- where from ---
[[upstream]]
name = "a"    # ours

# about b
[[upstream]]
name = "b"
keys = [
    "AA",  # first
]

# --- what ---
[[pin]]
upstream = "a"
packages = ["p"]   # and why
[pin.sha256]
"p.deb" = "00"   # as printed

# --- rest ---
[site]
path = "site"
[[pin]]
upstream = "b"
packages = [ "q" ]
# the end
"""


def test_a_table_goes_with_its_own_tables_and_nothing_else() -> None:
    left = without_table(TEXT, "pin", 0)
    assert tomllib.loads(left)["pin"] == [{"upstream": "b", "packages": ["q"]}]
    gone = [line for line in TEXT.splitlines() if line and line not in left.splitlines()]
    assert gone == ['upstream = "a"', 'packages = ["p"]   # and why', "[pin.sha256]", '"p.deb" = "00"   # as printed']
    assert "\n\n\n" not in left


def test_the_last_table_of_its_kind_leaves_no_trace() -> None:
    left = without_table(without_table(TEXT, "pin", 1), "pin", 0)
    assert "pin" not in tomllib.loads(left)
    assert left.endswith('[site]\npath = "site"\n# the end\n')


def test_what_is_taken_out_in_pieces_is_refused() -> None:
    text = '[[pin]]\nupstream = "a"\n[site]\npath = "x"\n[pin.sha256]\nb = "c"\n'
    with pytest.raises(ConfigError, match="does not allow a safe automatic change"):
        without_table(text, "pin", 0)


def test_a_table_that_is_added_and_removed_leaves_the_text() -> None:
    grown = with_table(TEXT, "pin", {"upstream": "a", "packages": ["x=1"], "cuda": "", "outputs": []})
    assert grown == TEXT + '\n[[pin]]\nupstream = "a"\npackages = ["x=1"]\n'
    assert without_table(grown, "pin", 2) == TEXT


_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@given(st.dictionaries(st.sampled_from("abc"), st.one_of(_WORDS, st.lists(_WORDS, min_size=1, max_size=3)), min_size=1))
def test_any_text_is_written_so_that_it_is_read_again(values: dict[str, object]) -> None:
    assert tomllib.loads(table_text("pin", values))["pin"] == [values]


def test_pairs_are_set_and_taken_out() -> None:
    text = '[[environment]]\nname = "e"  # one\n\n# after\n[site]\n'
    one = set_pairs(text, "environment", 0, "indexes", {"torch": "torch-cu130"})
    assert one.splitlines()[2] == 'indexes = {torch = "torch-cu130"}'
    two = set_pairs(one, "environment", 0, "indexes", {"numpy": "pypi"})
    assert tomllib.loads(two)["environment"][0]["indexes"] == {"torch": "torch-cu130", "numpy": "pypi"}
    assert set_pairs(two, "environment", 0, "indexes", {}, without=["torch", "numpy"]) == text


@pytest.mark.parametrize(
    ("spec", "joiner", "name"),
    [
        ("libcudnn8=8.0.5.39-1+cuda11.1", "=", "libcudnn8"),
        ("libc6:arm64=2.36*", "=", "libc6"),
        ("libcudnn9-cuda-12-9.12.0.46-1", "-", "libcudnn9-cuda-12"),
        ("cuda-toolkit-12-6", "-", "cuda-toolkit-12-6"),
        ("libcudnn8-devel-8.0.5.39-1.cuda11.1.x86_64", "-", "libcudnn8-devel"),
        ("transformers[torch] >= 4 ; python_version > '3.9'", "==", "transformers"),
        ("conda-forge::pytorch-gpu=2.5=*cuda*", "=", "pytorch-gpu"),
        ("*.deb", "", "*.deb"),
    ],
)
def test_the_name_of_a_package_is_found_in_any_spelling(spec: str, joiner: str, name: str) -> None:
    assert name_in(spec, joiner) == name


def test_a_name_means_all_its_versions_and_a_version_itself_alone() -> None:
    assert is_about("Torch_Vision>=1", "torch-vision", "==")
    assert not is_about("torch==2.9.1", "torch==2.9.0", "==")
    assert is_about("libcudnn9-cuda-12-9.12.0.46-1", "libcudnn9-cuda-12", "-")
    assert not is_about("libcudnn9-cuda-13-9.12.0.46-1", "libcudnn9-cuda-12", "-")
    assert not is_about("libcudnn9-devel-cuda-12-9.12", "libcudnn9-cuda-12", "-")
    assert replaced(["torch==1", "numpy"], ["Torch==2"], "==") == ["numpy", "Torch==2"]

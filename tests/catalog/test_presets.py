"""Presets: what comes with cudepot is well-formed, and one line in cudepot.toml stands for it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from tests.parsed import parse_config

from cudepot.catalog.config.presets import Presets, expand, parse_presets
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.nvidia.site_paths import path_of
from cudepot.errors import ConfigError
from cudepot.kinds.apt.rules.settings import AptSettings
from cudepot.signing.keys import read_keys

FOLDER = Path(__file__).parent.parent.parent / "channel-config" / "upstreams"
NVIDIA = "EB693B3035CD5710E231E123A4B469963BF863CC"
MINE = "https://index.example.com/simple/"
OLD = "AE09FE4BBD223A84B2CCFCE3F60F4B3D7FA2AF80"


@pytest.fixture(scope="module")
def presets() -> Presets:
    return parse_presets(tomllib.loads(path.read_text()) for path in sorted(FOLDER.glob("*.toml")))


def upstream(presets: Presets, text: str) -> Upstream:
    return parse_config(expand(tomllib.loads("[[upstream]]\n" + text), lambda: presets, lambda *_: MINE)).upstreams[0]


def test_one_line_is_a_whole_upstream(presets: Presets) -> None:
    found = upstream(presets, 'preset = "nvidia/ubuntu2004/x86_64"')
    assert found == Upstream(
        "ubuntu2004/x86_64",
        "apt",
        "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2004/x86_64/",
        keys=(NVIDIA,),
        keyrings=("keys/3bf863cc.pub",),
        architectures=("amd64",),
        distributions=("ubuntu2004",),
        settings=AptSettings(),
    )


@pytest.mark.parametrize(
    ("text", "name", "url"),
    [
        ('preset = "conda/nvidia"', "nvidia", "https://conda.anaconda.org/nvidia/"),
        ('preset = "conda/nvidia"\nlabel = "cuda-12.6.3"', "nvidia/label/cuda-12.6.3",
         "https://conda.anaconda.org/nvidia/label/cuda-12.6.3/"),
        ('preset = "conda/conda-forge"\nlabel = "rc"\nname = "rc"', "rc",
         "https://conda.anaconda.org/conda-forge/label/rc/"),
        ('preset = "conda/conda-forge-prefix"', "conda-forge", "https://prefix.dev/conda-forge/"),
        ('preset = "conda/main"', "pkgs/main", "https://repo.anaconda.com/pkgs/main/"),
        ('preset = "conda/bioconda"', "bioconda", "https://conda.anaconda.org/bioconda/"),
        ('preset = "conda/rapidsai"', "rapidsai", "https://conda.anaconda.org/rapidsai/"),
        ('preset = "conda/pytorch"', "pytorch", "https://conda.anaconda.org/pytorch/"),
    ],
)  # fmt: skip
def test_a_channel_is_called_as_it_lies_below_its_host(presets: Presets, text: str, name: str, url: str) -> None:
    found = upstream(presets, text)
    assert (found.type, found.name, found.url) == ("conda", name, url)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('preset = "conda/conda-forge-prefix"\nlabel = "rc"', "has no labels"),
        ('preset = "nvidia/ubuntu2004/x86_64"\nlabel = "rc"', "has no labels"),
        ('preset = "conda/nvidia"\nlabel = "../x"', "expected one word"),
        ('preset = "conda/nvidia"\nlabel = 12', "expected one word"),
        ('name = "x"\ntype = "conda"\nurl = "https://x.example/"\nlabel = "rc"', "unknown key 'upstream[0].label'"),
    ],
)
def test_a_label_that_cannot_be(presets: Presets, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        upstream(presets, text)


@pytest.mark.parametrize(
    ("name", "architecture", "key"),
    [
        ("ubuntu2204/sbsa", "arm64", "3BF863CC"),
        ("ubuntu2004/arm64", "arm64", "3BF863CC"),
        ("ubuntu2404/cross-linux-aarch64", "amd64", "3BF863CC"),
        ("debian13/x86_64", "amd64", "8793F200"),
        ("ubuntu2604/x86_64", "amd64", "60DF8A40"),
        ("rhel7/ppc64le", "ppc64le", "D42D0685"),
        ("rhel9/sbsa", "aarch64", "D42D0685"),
        ("fedora44/x86_64", "x86_64", "73CD9B30"),
    ],
)
def test_architectures_and_keys_follow_the_repository(
    presets: Presets, name: str, architecture: str, key: str
) -> None:  # fmt: skip
    found = upstream(presets, f'preset = "nvidia/{name}"')
    assert found.architectures == (architecture,)
    assert [one[-8:] for one in found.keys] == [key]


def test_a_yum_preset_pins_the_keys_of_root_and_packages(presets: Presets) -> None:
    found = upstream(presets, 'preset = "nvidia/rhel8/x86_64"')
    assert (found.type, found.name, found.architectures) == ("yum", "rhel8/x86_64", ("x86_64",))
    assert [one[-8:] for one in found.package_keys] == ["D42D0685", "F796ECB0"]
    assert found.keyrings == ("keys/D42D0685.pub", "keys/f796ecb0.pub")
    assert upstream(presets, 'preset = "nvidia/rhel9/x86_64"').package_keys == found.keys
    with pytest.raises(ConfigError, match="has no pinned key") as caught:
        upstream(presets, 'preset = "nvidia/rhel10/x86_64"')
    assert "CDF6BA43" in caught.value.hint


def test_keys_of_packages_follow_those_that_are_given_for_the_root(presets: Presets) -> None:
    found = upstream(presets, f'preset = "nvidia/rhel8/x86_64"\nkeys = ["{NVIDIA}"]')
    assert found.keys == (NVIDIA,)
    assert [one[-8:] for one in found.package_keys] == [NVIDIA[-8:], "F796ECB0"]
    own = upstream(presets, f'preset = "nvidia/rhel8/x86_64"\nkeys = ["{NVIDIA}"]\nrpm-keys = ["{NVIDIA}"]')
    assert own.package_keys == (NVIDIA,)


def test_archives_have_a_preset(presets: Presets) -> None:
    found = upstream(presets, 'preset = "nvidia/redist/cudnn"')
    assert (found.name, found.type) == ("redist/cudnn", "redistrib")
    assert found.url.endswith("/compute/cudnn/redist/")


def test_every_preset_is_a_valid_upstream_and_every_key_is_known(presets: Presets) -> None:
    assert len(presets.repositories) >= 20
    for name, preset in presets.repositories.items():
        extra = "" if preset.vouchers or not preset.is_signed else f'\nkeys = ["{NVIDIA}"]'
        assert upstream(presets, f'preset = "{name}"{extra}').url == (preset.url or MINE)
        assert {*preset.keys, *preset.rpm_keys, *preset.former} <= set(presets.keys)
        assert not set(preset.keys) & set(preset.former)
        assert all(not presets.key(one).until for one in preset.keys), "a key that signs no more is pinned by nobody"


def test_each_preset_has_a_place_below_nvidias_paths(presets: Presets) -> None:
    for one in (one for name, one in presets.repositories.items() if name.startswith("nvidia/") and one.is_signed):
        if "/doca/" in one.name:
            assert not path_of(one.url, presets.hosts), "another host, which no site stands in for"
            continue
        assert one.url.endswith(f"/{path_of(one.url, presets.hosts)}"), one.url
        assert path_of(one.url, presets.hosts), one.url


def test_the_old_key_is_known_with_its_end(presets: Presets) -> None:
    assert presets.key(OLD).until == presets.key(NVIDIA).since == "2022-04-28"


def test_what_is_given_wins(presets: Presets) -> None:
    text = 'preset = "nvidia/ubuntu2004/x86_64"\nname = "mine"\nurl = "http://cache/x/"\nkeyrings = ["k"]\nkeys = '
    found = upstream(presets, text + f'["{OLD}"]')
    assert (found.name, found.url, found.keyrings, found.keys) == ("mine", "http://cache/x/", ("k",), (OLD,))


def test_the_machines_own_index_is_asked_for_only_where_no_url_is_given(presets: Presets) -> None:
    found = upstream(presets, 'preset = "pypi"')
    assert (found.name, found.type, found.url) == ("pypi", "simple", MINE)
    assert (
        upstream(presets, 'preset = "pypi"\nurl = "https://proxy.example.com/py"').url
        == "https://proxy.example.com/py/"
    )


def test_an_expired_key_is_taken_out_of_a_preset(presets: Presets) -> None:
    text = f'preset = "nvidia/ubuntu2004/x86_64"\nkeys = ["{OLD}", "{NVIDIA}"]\nexpired-keys = ["{OLD}"]'
    found = upstream(presets, text)
    assert (found.keys, found.keyrings) == ((NVIDIA,), ("keys/3bf863cc.pub",))
    with pytest.raises(ConfigError, match="holds no key that may sign"):
        upstream(presets, f'preset = "nvidia/ubuntu2004/x86_64"\nexpired-keys = ["{NVIDIA}"]')


def test_errors_say_what_to_do(presets: Presets) -> None:
    with pytest.raises(ConfigError, match="there is no preset 'nvidia/ubuntu2004'") as caught:
        upstream(presets, 'preset = "nvidia/ubuntu2004"')
    assert "nvidia/ubuntu2004/x86_64" in caught.value.hint
    with pytest.raises(ConfigError, match="has no pinned key") as caught:
        upstream(presets, 'preset = "nvidia/machine-learning/ubuntu1804/x86_64"')
    assert OLD in caught.value.hint
    with pytest.raises(ConfigError, match=re.escape("unknown key 'upstream[0].kyes'")):
        upstream(presets, 'preset = "nvidia/ubuntu2004/x86_64"\nkyes = []')


def test_a_missing_key_file_is_answered_with_place_and_fingerprint(presets: Presets) -> None:
    hint = presets.where_from("keys/3bf863cc.pub", [OLD, NVIDIA])
    assert "/ubuntu2004/x86_64/3bf863cc.pub yourself" in hint
    assert NVIDIA in hint
    assert OLD not in hint
    assert "B" * 40 in presets.where_from("keys/x.pub", ["B" * 40])


@pytest.mark.tools
def test_each_key_file_that_comes_with_cudepot_holds_the_one_key_it_is_named_after(presets: Presets) -> None:
    files = {f"keys/{one.name}": read_keys(one) for one in sorted((FOLDER / "keys").iterdir())}
    assert {"keys/3bf863cc.pub", "keys/7fa2af80.pub", "keys/f796ecb0.pub"} < set(files)
    used = {key for name, one in presets.repositories.items() for key in one.vouchers if not name.startswith("nvidia/")}
    assert {presets.key(one).local for one in used} < set(files), "distributions' keys come with cudepot"
    for name, keys in files.items():
        (key,) = keys
        assert presets.key(key.fingerprint).local == name
        assert key.parts[0].digest, f"{name}: its self-signature holds"


@pytest.mark.parametrize(
    ("preset", "name", "url"),
    [
        ("pytorch/cu130", "torch-cu130", "https://download.pytorch.org/whl/cu130/"),
        ("pytorch/cpu", "torch-cpu", "https://download.pytorch.org/whl/cpu/"),
        ("nvidia/pypi", "pypi-nvidia", "https://pypi.nvidia.com/"),
    ],
)
def test_an_index_of_wheels_is_one_line_and_has_no_keys(presets: Presets, preset: str, name: str, url: str) -> None:
    found = upstream(presets, f'preset = "{preset}"')
    assert (found.name, found.type, found.url) == (name, "simple", url)
    assert (found.keys, found.keyrings, found.architectures) == ((), (), ())
    assert upstream(presets, f'preset = "{preset}"\nurl = "https://mirror.example/"').url == "https://mirror.example/"


def test_presets_are_not_read_where_none_is_used() -> None:
    data = {"upstream": [{"name": "x", "type": "folder", "path": "y"}]}
    assert expand(data, lambda: pytest.fail("not needed"), lambda: pytest.fail("not needed")) is data


@pytest.mark.parametrize(
    "text",
    [
        'version = 2\nvendor = "x"',
        'version = 1\nvendor = "x"\n[[distribution]]\nname = "y"\ntitle = "Y"\ntype = "wheels"',
        'version = 1\nvendor = "x"\n[[repository]]\nname = "y"\nurl = "https://x/"\nkeys = []',
        'version = 1\nvendor = "x"\n[[key]]\nfingerprint = "3BF863CC"',
        f'version = 1\nvendor = "x"\n[[key]]\nfingerprint = "{OLD}"\nuntil = "soon"',
        f'version = 1\nvendor = "x"\n[[key]]\nfingerprint = "{OLD}"\nunkown = ""',
        'version = 1\nvendor = "x"\n[[index]]\nname = "y"\ntype = "simple"',
        'version = 1\nvendor = "x"\n[[index]]\nname = "y"\ntype = "simple"\nurl = "https://x/"\nkeys = []',
    ],
)
def test_malformed_presets_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_presets([tomllib.loads(text)])

"""The shipped recipes, rendered: names, dependencies and constraints are conda-forge's, version by version."""

from __future__ import annotations

from pathlib import Path

import pytest
import rattler_build
from tests.formats.payloads import RECIPES

from cudepot.builders.render import RenderedOutput, render_recipe, with_glibc
from cudepot.errors import ConfigError

COMPILED = ("libgcc >=13", "libstdcxx >=13", "libzlib >=1.2.13,<2.0a0")
COMPILED_8 = ("libgcc-ng >=12", "libstdcxx-ng >=12", "libzlib >=1.2.13,<2.0a0")
COMPILED_7 = ("libgcc-ng >=3.0", "libstdcxx-ng >=3.4")
GLIBC = "__glibc >=2.28,<3.0.a0"


def rendered(version: str, cuda: str, subdir: str = "linux-64", number: int = 0) -> dict[str, RenderedOutput]:
    variant: dict[str, str | int] = {"cudnn_version": version, "cuda_version": cuda, "build_number": number}
    return {one.name: one for one in render_recipe(RECIPES / "cudnn/recipe.yaml", variant, subdir)}


@pytest.mark.parametrize(
    ("version", "cuda", "subdir", "depends", "constrains"),
    [
        ("7.6.5.32", "10.2", "linux-64", ("cudatoolkit 10.2.*", *COMPILED_7), ("__glibc >=2.17",)),
        ("7.6.5.32", "9.0", "linux-64", ("cudatoolkit 9.0.*", *COMPILED_7), ("__glibc >=2.17",)),
        ("8.0.5.39", "11.1", "linux-64", ("cudatoolkit 11.*", *COMPILED_7), ("__glibc >=2.17",)),
        ("8.0.5.39", "11.1", "linux-aarch64", ("cudatoolkit 11.*", *COMPILED_7), ("__glibc >=2.17",)),
        ("8.4.1.50", "10.2", "linux-64", ("cudatoolkit 10.2.*", *COMPILED_8), ("__glibc >=2.17",)),
        (
            "8.9.7.29",
            "11",
            "linux-aarch64",
            ("cudatoolkit 11.*", "cuda-version >=11,<12", *COMPILED_8),
            ("__glibc >=2.28", "arm-variant * sbsa"),
        ),
        (
            "8.9.7.29",
            "12",
            "linux-64",
            ("cuda-nvrtc", "libcublas", "cuda-version >=12,<13", *COMPILED_8),
            ("__glibc >=2.17",),
        ),
        ("9.5.1.17", "11", "linux-64", (GLIBC, "cudatoolkit", "cuda-version >=11,<12.0a0", *COMPILED), ()),
        ("9.9.0.52", "12", "linux-64", (GLIBC, "cuda-nvrtc", "libcublas", "cuda-version >=12,<13.0a0", *COMPILED), ()),
    ],
)
def test_one_package_up_to_9_9(
    version: str, cuda: str, subdir: str, depends: tuple[str, ...], constrains: tuple[str, ...]
) -> None:
    (one,) = rendered(version, cuda, subdir).values()
    major = int(version.split(".", maxsplit=1)[0])
    assert (one.name, one.version, one.subdir, one.noarch) == ("cudnn", version, subdir, "")
    assert (one.depends, one.constrains) == (depends, constrains)
    assert one.run_exports == {"weak": (f"cudnn >={version},<{major + 1}.0a0",)}
    assert one.files == ("include/cudnn*.h", "lib/libcudnn*.so", "lib/libcudnn*.so.*")
    assert one.build_string.startswith(f"cuda{cuda}_h")
    assert one.tests


@pytest.mark.parametrize(
    ("version", "cuda", "subdir", "constrains"),
    [
        ("9.10.2.21", "12", "linux-64", ("libcudnn-jit <0a",)),
        ("9.12.0.46", "12", "linux-64", ("libcudnn-jit <0a", "__cuda_arch >=7.5")),
        ("9.12.0.46", "13", "linux-64", ("libcudnn-jit <0a",)),
        ("9.12.0.46", "13", "linux-aarch64", ("libcudnn-jit <0a", "arm-variant * sbsa")),
    ],
)
def test_three_packages_since_9_10(version: str, cuda: str, subdir: str, constrains: tuple[str, ...]) -> None:
    outputs = rendered(version, cuda, subdir)
    lib, dev, meta = outputs["libcudnn"], outputs["libcudnn-dev"], outputs["cudnn"]
    pin = f"cuda-version >={cuda},<{int(cuda) + 1}.0a0"
    assert len(outputs) == 3
    assert lib.depends == (GLIBC, "cuda-nvrtc", "libcublas", pin, *COMPILED)
    assert lib.constrains == constrains
    assert (lib.files, lib.run_exports) == (("lib/libcudnn*.so.*",), {})
    assert dev.depends == (GLIBC, pin, f"libcudnn =={version} {lib.build_string}")
    assert dev.constrains[0] == "libcudnn-jit-dev <0a"
    assert dev.run_exports == {"weak": (f"libcudnn >={version},<10.0a0",)}
    assert dev.files == ("include/cudnn*.h", "lib/libcudnn*.so")
    assert meta.depends == (GLIBC, pin, f"libcudnn-dev =={version} {dev.build_string}")
    assert "cudnn-jit <0a" in meta.constrains
    assert meta.run_exports == {"weak": (f"cudnn >={version},<10.0a0",)}


def test_licence_and_homepage_are_in_every_output() -> None:
    for one in rendered("9.12.0.46", "13").values():
        assert one.about["license"] == "LicenseRef-cuDNN-Software-License-Agreement"
        assert "sla" in one.about["description"]
        assert one.about["home"] == "https://developer.nvidia.com/cudnn"


def test_hash_depends_on_what_is_built_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    first = rendered("8.0.5.39", "11.1")["cudnn"]
    monkeypatch.setenv("CUDEPOT_PAYLOAD", "/somewhere/else")
    assert rendered("8.0.5.39", "11.1")["cudnn"] == first
    assert rendered("8.0.5.39", "11.0")["cudnn"].build_string != first.build_string
    assert rendered("8.0.5.39", "11.1", "linux-aarch64")["cudnn"].build_string != first.build_string
    assert rendered("8.0.5.39", "11.1", number=2)["cudnn"].build_string.endswith("_2")


def test_versions_that_look_like_numbers_stay_text() -> None:
    assert rendered("9.10.2.20", "11.10")["cudnn"].build_string.startswith("cuda11.10_")


def test_cuda_version_is_metadata_for_every_platform() -> None:
    (one,) = render_recipe(RECIPES / "cuda-version/recipe.yaml", {"cuda_version": "11.1"}, "linux-aarch64")
    assert (one.name, one.version, one.subdir, one.noarch) == ("cuda-version", "11.1", "noarch", "generic")
    assert one.constrains == ("__cuda >=11", "cudatoolkit ==11.1|11.1.*")
    assert (one.depends, one.files) == ((), ())


@pytest.mark.parametrize(
    "text", ["", "package: [", "package:\n  name: x\n", "package:\n  name: x\n  version: ${{ y }}\n"]
)
def test_a_bad_recipe_is_a_config_error(text: str, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(text)
    with pytest.raises(ConfigError, match=r"recipe\.yaml"):
        render_recipe(recipe, {}, "linux-64")


@pytest.mark.parametrize(("recipe", "name"), [("cudnn", "cudnn"), ("cuda-version", "cuda-version")])
def test_the_example_variants_suit_plain_rattler_build(recipe: str, name: str) -> None:
    variants = rattler_build.VariantConfig.from_file(RECIPES.parent / "channel-config/variants.yaml")
    stage0 = rattler_build.Stage0Recipe.from_file(RECIPES / recipe / "recipe.yaml")
    platform = rattler_build.PlatformConfig(target_platform="linux-64", build_platform="linux-64")
    found = stage0.render(variants, rattler_build.RenderConfig(platform=platform))
    assert [one.recipe.to_dict()["package"]["name"] for one in found] == [name]


def test_a_missing_recipe_and_an_unknown_platform_are_config_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        render_recipe(tmp_path / "none.yaml", {}, "linux-64")
    with pytest.raises(ConfigError):
        rendered("8.0.5.39", "11.1", "linux-vax")


def test_what_this_tool_cannot_write_is_refused(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    head = "package:\n  name: x\n  version: 1\nbuild:\n  number: 0\n"
    recipe.write_text(head + "tests:\n  - script:\n      - echo ${{ version }}\n")
    with pytest.raises(ConfigError, match="plain command"):
        render_recipe(recipe, {}, "linux-64")
    recipe.write_text(head + "  files:\n    include: [a]\n    exclude: [b]\n")
    (one,) = render_recipe(recipe, {}, "linux-64")
    assert (one.files, one.excluded) == (("a",), ("b",))


def test_a_library_that_needs_a_newer_glibc_raises_the_bound() -> None:
    old, new = rendered("8.0.5.39", "11.1")["cudnn"], rendered("9.12.0.46", "13")["libcudnn"]
    assert with_glibc(old, (2, 14)) == old
    assert with_glibc(old, (2, 29)).constrains == ("__glibc >=2.29",)
    assert with_glibc(new, (2, 34)).depends[0] == "__glibc >=2.34,<3.0.a0"
    assert with_glibc(new, (2, 34)).depends[1:] == new.depends[1:]

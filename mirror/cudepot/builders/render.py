"""Renders a rattler-build recipe for one variant into plain values; builds nothing and reads only the recipe."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import rattler_build

from cudepot.errors import ConfigError

_BUILD_PLATFORM = "linux-64"
_FAULTS = (
    rattler_build.RattlerBuildError,
    rattler_build.RecipeParseError,
    rattler_build.VariantError,
    rattler_build.PlatformParseError,
    OSError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class RenderedOutput:
    """One package a recipe describes, as rattler-build would build it.

    Attributes:
        name: conda package name.
        version: as in the recipe, e.g. ``8.0.5.39``.
        build_string: with variant hash and build number, e.g. ``cuda11.1_h87ed9ff_0``.
        build_number: counts builds of one version.
        subdir: where it goes in a channel: the platform, or ``noarch``.
        noarch: ``generic`` or empty.
        depends: match specs in recipe order, pins resolved.
        constrains: match specs in recipe order.
        run_exports: match specs by kind (``weak``, ``strong``, ...).
        about: about.json's keys and texts.
        extra: the recipe's ``extra`` section.
        files: globs of the prefix; empty when the output has no files of its own.
        excluded: globs of what it has not although ``files`` name it.
        tests: the ``script`` tests, as command lists.
        variant: the variant keys and values the hash is made of.
    """

    name: str
    version: str
    build_string: str
    build_number: int
    subdir: str
    noarch: str
    depends: tuple[str, ...]
    constrains: tuple[str, ...]
    run_exports: Mapping[str, tuple[str, ...]]
    about: Mapping[str, str]
    extra: Mapping[str, Any]
    files: tuple[str, ...]
    excluded: tuple[str, ...]
    tests: tuple[tuple[str, ...], ...]
    variant: Mapping[str, Any] = field(default_factory=dict)


def render_recipe(recipe: Path, variant: Mapping[str, str | int], subdir: str) -> tuple[RenderedOutput, ...]:
    """Render ``recipe`` for exactly one variant and platform, outputs in build order.

    One variant a call on purpose: py-rattler-build 0.73 resolves exact pins by name only, so a second variant's
    outputs could be pinned instead (see ``Stage0Recipe.render``).

    Args:
        recipe: a recipe.yaml.
        variant: value by variant key, e.g. ``{"cudnn_version": "8.0.5.39", "cuda_version": "11.1"}``.
        subdir: target platform, e.g. ``linux-aarch64``.

    Raises:
        ConfigError: the recipe is missing, malformed, or cannot be rendered with this variant.
    """
    platform = rattler_build.PlatformConfig(
        target_platform=subdir, build_platform=_BUILD_PLATFORM, host_platform=subdir
    )
    try:
        stage0 = rattler_build.Stage0Recipe.from_file(recipe)
        config = rattler_build.VariantConfig.from_yaml(_variant_yaml(variant))
        found = stage0.render(config, rattler_build.RenderConfig(platform=platform))
    except _FAULTS as error:
        raise ConfigError(f"{recipe}: {error}", hint="does `rattler-build build --render-only` take it?") from error
    return _resolve([(one.recipe.to_dict(), dict(one.variant)) for one in found], subdir)


def _variant_yaml(variant: Mapping[str, str | int]) -> str:
    """Return variants.yaml text; strings are quoted, or 11.10 would become 11.1."""
    return "".join(
        f"{key}:\n  - {value if isinstance(value, int) else _quoted(value)}\n" for key, value in sorted(variant.items())
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _resolve(found: Iterable[tuple[dict[str, Any], dict[str, Any]]], subdir: str) -> tuple[RenderedOutput, ...]:
    outputs: dict[str, RenderedOutput] = {}
    for recipe, variant in found:
        one = _output(recipe, variant, subdir, outputs)
        outputs[one.name] = one
    return tuple(outputs.values())


def _output(
    recipe: dict[str, Any], variant: dict[str, Any], subdir: str, before: Mapping[str, RenderedOutput]
) -> RenderedOutput:
    build, needs = recipe["build"], recipe.get("requirements", {})
    noarch = build.get("noarch") or ""
    return RenderedOutput(
        name=recipe["package"]["name"],
        version=str(recipe["package"]["version"]),
        build_string=build["string"],
        build_number=int(build.get("number", 0)),
        subdir="noarch" if noarch else subdir,
        noarch=noarch,
        depends=tuple(_spec(one, before) for one in needs.get("run", [])),
        constrains=tuple(_spec(one, before) for one in needs.get("run_constraints", [])),
        run_exports={kind: tuple(specs) for kind, specs in sorted(needs.get("run_exports", {}).items())},
        about=_about(recipe.get("about", {})),
        extra=recipe.get("extra", {}),
        files=_globs(build.get("files"), "include"),
        excluded=_globs(build.get("files"), "exclude"),
        tests=tuple(_commands(one["script"]) for one in recipe.get("tests", []) if "script" in one),
        # package names among the keys are written with underscores, as in hash_input.json of rattler-build
        variant={key.replace("-", "_"): value for key, value in sorted(variant.items())},
    )


def _spec(spec: str | dict[str, Any], before: Mapping[str, RenderedOutput]) -> str:
    """Return a match spec; an exact pin becomes the very build of the output rendered before."""
    if isinstance(spec, str):
        return spec
    pin = spec.get("pin_subpackage", {})
    if not pin.get("exact") or pin.get("name") not in before:
        raise ConfigError(
            f"recipe: cannot resolve {spec}", hint="pin with pin_subpackage(name, exact=True) to an earlier output"
        )
    target = before[pin["name"]]
    return f"{target.name} =={target.version} {target.build_string}"


_GLIBC = re.compile(r"__glibc >=(\d+)\.(\d+)(.*)")


def with_glibc(output: RenderedOutput, floor: tuple[int, int]) -> RenderedOutput:
    """Return the output with every ``__glibc`` bound raised to what its libraries were found to need.

    The recipes have conda-forge's bounds. A library that needs more would be installed where it cannot be loaded.
    """
    depends, constrains = (tuple(_raised(one, floor) for one in specs) for specs in (output.depends, output.constrains))
    return replace(output, depends=depends, constrains=constrains)


def _raised(spec: str, floor: tuple[int, int]) -> str:
    bound = _GLIBC.fullmatch(spec)
    if bound is None or (int(bound[1]), int(bound[2])) >= floor:
        return spec
    return f"__glibc >={floor[0]}.{floor[1]}{bound[3]}"


_ABOUT = {
    "homepage": "home",
    "repository": "dev_url",
    "documentation": "doc_url",
    "license": "license",
    "license_family": "license_family",
    "summary": "summary",
    "description": "description",
}


def _about(about: Mapping[str, Any]) -> dict[str, str]:
    """Return about.json's keys for the recipe's (CEP 34 names them otherwise)."""
    return {key: str(about[name]) for name, key in sorted(_ABOUT.items(), key=lambda pair: pair[1]) if name in about}


def _globs(files: object, which: str) -> tuple[str, ...]:
    """Return the globs of ``build.files``: a list of what goes in, or a table with ``include`` and ``exclude``."""
    if isinstance(files, dict):
        files = files.get(which)
    elif which == "exclude":
        files = None
    return tuple(str(one) for one in files) if isinstance(files, list) else ()


def _commands(script: object) -> tuple[str, ...]:
    """Return a test's commands; only plain command lists are supported, as nothing renders the rest here."""
    lines = [script] if isinstance(script, str) else script
    if not isinstance(lines, list) or any("${{" in str(line) for line in lines):
        raise ConfigError("recipe: test scripts must be plain command lists without ${{ }}")
    return tuple(str(line) for line in lines)

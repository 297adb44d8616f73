"""Which recipes a job renders, and the variant each is rendered for; and how its wheels are named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tomli

from cudepot.depot.builds import Job
from cudepot.errors import ConfigError
from cudepot.formats.payload import Payload, Role
from cudepot.formats.wheel_write import WheelRules

Variant = dict[str, str | int]


def recipes_of(
    folder: Path, job: Job, payload: Payload | None, number: int, *, closed: bool
) -> Iterator[tuple[Path, Variant]]:
    """Give recipe and variant for everything that is made of a job's payload.

    A part of a release (JIT, samples, cross packages) has a recipe of its own beside the product's; static archives
    and samples that came with the release itself too.

    Args:
        folder: where the recipes are.
        job: the build.
        payload: what its artifacts hold; None where there are none.
        number: build number.
        closed: whether the channel is to do without conda-forge.
    """
    release = job.release
    variant: Variant = {f"{release.product.replace('-', '_')}_version": release.version, "build_number": number}
    if release.cuda:
        variant["cuda_version"] = release.cuda
    only: Variant = {"closed_channel": "true"} if closed else {}
    part, _, target = release.part.partition("-")
    roles = {one.role for one in payload.files} if payload else set()
    if target:
        variant["cross_target"] = {"qnx": "qnx"}.get(target, f"linux-{target}")
    if part != "samples":
        yield _recipe(folder, f"{job.recipe}-{part}" if part else job.recipe), variant | only
    if Role.STATIC in roles and not target:
        yield _recipe(folder, f"{job.recipe}-static"), variant
    if Role.SAMPLE in roles:
        where = f"{release.subdir.replace('-', '_')}_cuda{release.cuda}_"
        yield _recipe(folder, f"{job.recipe}-samples"), variant if part else {**variant, "samples_for": where}


def _recipe(folder: Path, name: str) -> Path:
    return folder / name / "recipe.yaml"


def makes_wheels(folder: Path, recipe: str) -> bool:
    """Return whether a recipe makes wheels."""
    return (folder / recipe / "wheel.toml").exists()


def wheel_rules(folder: Path, recipe: str) -> WheelRules:
    """Return the rules for wheels of a recipe below ``folder``; raise ConfigError where there are none."""
    path = folder / recipe / "wheel.toml"
    try:
        return WheelRules.from_dict(tomli.loads(path.read_text()))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}", hint="a recipe that builds wheels must have one") from error

"""The command `rattler-build` where only py-rattler-build is: the same words lead to the same function of it.

A program of its own; nothing of cudepot is imported.
"""

from __future__ import annotations

import argparse
import os
import warnings
from pathlib import Path

import rattler_build
from rattler.config import Config


def main() -> None:
    """Do what the arguments say, with the configuration rattler-build would read."""
    parser = argparse.ArgumentParser("rattler-build")
    build = parser.add_subparsers(required=True).add_parser("build")
    build.add_argument("-r", "--recipe", required=True)
    build.add_argument("-m", "--variant-config", action="append", default=[])
    build.add_argument("--variant", action="append", default=[])
    build.add_argument("-c", "--channel", action="append", default=[])
    build.add_argument("--target-platform")
    build.add_argument("--output-dir", default="output")
    args = parser.parse_args()
    recipe = Path(args.recipe).resolve()  # as the command does
    config = Config.load_from_default_locations("rattler-build")
    variants = dict(one.split("=", 1) for one in args.variant)
    warnings.simplefilter("ignore", DeprecationWarning)
    rattler_build.build_recipes(
        [recipe / "recipe.yaml" if recipe.is_dir() else recipe],
        variant_config=args.variant_config or None,
        variant_overrides={key: value.split(",") for key, value in variants.items()} or None,
        channel=args.channel or config.default_channels,
        target_platform=args.target_platform,
        output_dir=args.output_dir,
    )
    # its threads may crash an interpreter that shuts down: leave without tidying up
    os._exit(0)


if __name__ == "__main__":
    main()

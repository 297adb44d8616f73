"""Peer: build recipes/cudnn with rattler-build's own builder. Arguments: output folder, zstd level, version, CUDA."""

import sys
from pathlib import Path

import rattler_build

version, cuda = sys.argv[3:] or ("9.12.0.46", "13")
variants = rattler_build.VariantConfig.from_yaml(f"cudnn_version: ['{version}']\ncuda_version: ['{cuda}']\n")
platform = rattler_build.PlatformConfig(target_platform="linux-64", build_platform="linux-64", host_platform="linux-64")
recipe = rattler_build.Stage0Recipe.from_file(Path(__file__).parent.parent / "recipes" / "cudnn" / "recipe.yaml")
for one in recipe.render(variants, rattler_build.RenderConfig(platform=platform)):
    one.run_build(
        rattler_build.ToolConfiguration(test_strategy="skip", compression_threads=2),
        output_dir=Path(sys.argv[1]),
        channels=[],
        package_format=f"conda:{sys.argv[2]}",
        no_include_recipe=True,
    )

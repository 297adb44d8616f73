"""``cudepot client gpu-operator``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.cli.output import Answer

if TYPE_CHECKING:
    from cudepot.depot.depot import Depot


def add_gpu_operator(kind: argparse.ArgumentParser) -> None:
    """Declare what only this client takes."""
    text = "environment of debs or rpms whose repositories the driver container uses"
    kind.add_argument("--environment", required=True, metavar="NAME", help=text)
    kind.add_argument(
        "--namespace", default="gpu-operator", metavar="NAME", help="of the operator (default: gpu-operator)"
    )
    text = "name of the ConfigMap (default: repo-config)"
    kind.add_argument("--config-map", default="repo-config", metavar="NAME", help=text)
    text = "a repository file of the container to replace by an empty one, because it cannot reach it; may be repeated"
    kind.add_argument("--empty", action="append", default=[], metavar="FILE", help=text)


def gpu_operator(args: argparse.Namespace, depot: Depot, output: Path) -> Answer:
    """Write the files, and say what to do with them."""
    from cudepot.workflows.export.gpu_operator import gpu_operator_files
    from cudepot.workflows.export.gpu_operator_text import MAP, VALUES, Operator

    made = gpu_operator_files(
        depot,
        args.environment,
        url=args.url,
        output=output,
        operator=Operator(args.namespace, args.config_map),
        empty=tuple(args.empty),
    )
    lines = [f"{made.folder}/{name}{' (replaced)' if name in made.replaced else ''}" for name in made.files]
    lines.append(f"for snapshot {made.number}; mounted at {made.mounted_at}: {', '.join(made.mounted)}")
    lines.append(f"then: kubectl apply -f {made.folder}/{MAP}")
    lines.append(
        f"helm upgrade --install gpu-operator nvidia/gpu-operator -n {args.namespace} -f {made.folder}/{VALUES}"
    )
    return made._asdict(), lines, 0

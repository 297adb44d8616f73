"""``cudepot build``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cudepot.cli.context import passing
from cudepot.cli.licence_terms import accepted_now, existing, named, on_terminal, text_of
from cudepot.cli.output import Answer, complain, error_json
from cudepot.cli.progress import size_text
from cudepot.cli.project_file import config_if_any
from cudepot.cli.steps import telling

if TYPE_CHECKING:
    from cudepot.catalog.config.config import Config
    from cudepot.catalog.ecosystems import Output
    from cudepot.depot.depot import Depot
    from cudepot.workflows.build.licences import Terms
    from cudepot.workflows.loose.build import FilesResult, Plan

NAME = "build"
HELP = "make conda packages and wheels from files you have, without a project"
DESCRIPTION = """\
Make conda packages and a wheel from NVIDIA's files of cuDNN, cuBLAS or NVRTC: tgz, tar.xz, zip, deb, rpm or whl, or a
folder of them. Files are recognised by name, or by content if they were renamed. Debs and rpms belong together: give
the libraries with their headers. On a terminal the licence is shown and you are asked to accept it; elsewhere
--accept-licence says that you have read it (`cudepot licence show FILE`).

  cudepot build cudnn-linux-x86_64-9.12.0.46_cuda13-archive.tar.xz
  cudepot build libcudnn8_*.deb libcudnn8-dev_*.deb -o packages --conda

The output folder is a conda channel (`conda install -c ./dist …`). In the folder of a cudepot.toml, its [site] label,
its [build] settings and the licences it accepts apply, and the packages are identical to those of `cudepot
repackage`.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="downloaded files, or folders of them")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("dist"), metavar="DIR", help="folder for the packages (default: dist)"
    )
    parser.add_argument("--conda", action="store_true", help="only conda packages (default: both)")
    parser.add_argument("--wheel", action="store_true", help="only the wheel (default: both)")
    parser.add_argument(
        "--accept-licence",
        action="append",
        default=[],
        metavar="SHA",
        help="sha256 of a licence text you have read and accept, or its first 8 digits; may be repeated",
    )
    parser.add_argument(
        "--cuda", default="", metavar="X.Y", help="CUDA variant, if the file names do not give it: 11.1"
    )
    parser.add_argument("--label", default="", help="label in a wheel's version (default: cudepot.toml's, or site)")
    parser.add_argument("--recipes", metavar="DIR", help="use the recipes in this folder instead of cudepot's own")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be made; make nothing")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.loose.build import planned
    from cudepot.workflows.loose.recognised import configured, recognised

    with telling("cudepot build: looking at the files", quiet=args.quiet):
        files, notes = recognised(args.files)
        config = configured(_settings(args), files, _outputs(args), args.cuda)
    with passing(args, config, None if args.dry_run else existing(args.output)) as depot:
        with telling("cudepot build: hashing the files", quiet=args.quiet) as shown:
            plan = planned(replace(depot, progress=shown))
        plan = plan._replace(notes=(*notes, *plan.notes))
        if args.dry_run:
            return _planned(args, plan)
        return _build(args, depot, plan)


def _settings(args: argparse.Namespace) -> Config:
    from cudepot.catalog.config.site import parse_label

    config = config_if_any(Path(args.directory))
    return (
        replace(config, site=replace(config.site, label=parse_label(args.label, "--label"))) if args.label else config
    )


def _outputs(args: argparse.Namespace) -> tuple[Output, ...]:
    from cudepot.catalog.ecosystems import Output

    wanted = {Output.CONDA: args.conda, Output.WHEEL: args.wheel}
    return tuple(one for one, is_wanted in wanted.items() if is_wanted or not any(wanted.values()))


def _planned(args: argparse.Namespace, plan: Plan) -> Answer:
    outputs = _outputs(args)
    lines = [f"would make {' and '.join(outputs)} of {job}" for job in plan.jobs]
    lines += [
        f"licence of {one.listed}: {one.digest.sha256}, {'accepted' if one.accepted else 'not accepted yet'}"
        for one in plan.terms
    ]
    answer = _answer(plan) | {"outputs": list(outputs), "made": []}
    return answer, [*lines, *plan.notes], 0


def _build(args: argparse.Namespace, depot: Depot, plan: Plan) -> Answer:
    from cudepot.workflows.loose.build import built

    accepted = [*depot.config.accept_eula, *(one.digest.sha256 for one in _accepted(args, depot, plan))]
    there = args.output.is_dir()
    with telling("cudepot build: at work", quiet=args.quiet) as shown:
        config = replace(depot.config, accept_eula=tuple(accepted))
        try:
            result = built(replace(depot, config=config, progress=shown), plan, args.output, args.files)
        finally:
            if not there and args.output.is_dir() and not any(args.output.iterdir()):
                args.output.rmdir()
    return _outcome(plan, result, args.output)


def _accepted(args: argparse.Namespace, depot: Depot, plan: Plan) -> list[Terms]:
    """Return the texts that are accepted now, by hash or by an answer; raise EulaError while one is not."""
    from cudepot.workflows.loose.build import refusal

    given = named(plan.terms, args.accept_licence)
    left = [one for one in plan.terms if not one.accepted and one not in given]
    if left and on_terminal(args):
        given += accepted_now((one, text_of(depot.store, one)) for one in left)
        left = [one for one in left if one not in given]
    if left:
        raise refusal(left, args.files)
    return given


def _answer(plan: Plan) -> dict[str, Any]:
    return {
        "releases": [str(job) for job in plan.jobs],
        "licences": [{"sha256": one.digest.sha256, "releases": one.releases} for one in plan.terms],
        "notes": list(plan.notes),
    }


def _outcome(plan: Plan, result: FilesResult, folder: Path) -> Answer:
    rows = [
        {
            "path": str(one.path),
            "kind": str(one.built.kind),
            "subdir": one.built.subdir,
            "sha256": one.built.digest.sha256,
            "size": one.built.digest.size,
        }
        for one in result.made
    ]
    lines = [f"{one.path} ({size_text(one.built.digest.size)})" for one in result.made]
    lines += [*result.notes, *(f"{one.name}: skipped: {one.error}" for one in result.failed)]
    for one in result.failed:
        complain(one.error, as_json=False)
    lines += _next(result, folder)
    failed = [{"name": one.name, **error_json(one.error)} for one in result.failed]
    answer = _answer(plan) | {"made": rows, "notes": list(result.notes), "failed": failed}
    return answer | (failed[0] if failed else {}), lines, result.failed[0].error.exit_code if result.failed else 0


def _next(result: FilesResult, folder: Path) -> list[str]:
    """Return how to install what was made."""
    wheels = [one.path for one in result.made if not one.built.subdir]
    conda = any(one.built.subdir for one in result.made)
    products = dict.fromkeys(one.path.name.rsplit("-", 2)[0] for one in result.made if one.built.subdir)
    main = min(products, key=len, default="")
    lines = (
        [f"to install: conda install --override-channels -c {folder.absolute().as_uri()} -c conda-forge {main}"]
        if conda
        else []
    )
    return [*lines, *(f"to install: pip install {one}" for one in wheels[:1])]

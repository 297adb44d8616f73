"""``cudepot catalog``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cudepot.cli.common import add_common
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text
from cudepot.cli.steps import telling
from cudepot.errors import PinError, TrustError

if TYPE_CHECKING:
    from cudepot.catalog.nvidia.published import Catalog, Published, Support
    from cudepot.depot.nvidia_catalog import Identified

NAME = "catalog"
HELP = "list NVIDIA's published cuDNN files, and recognise a downloaded one"
DESCRIPTION = """\
List known files of cuDNN with hash, size, CUDA variant and platform, and what their releases support: CUDA, drivers,
GPUs, systems. If nothing matches, say why and exit with 6. `catalog identify FILE...` recognises files by content,
whatever their names; it exits with 5 if one has a published name but different content. Needs no project and no
network.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options and its one action."""
    from cudepot.catalog.nvidia.published import FORMS

    parser.add_argument("--version", metavar="GLOB", default="", help="cuDNN version: 8.0.5.39, 8.0, '8.*'")
    parser.add_argument("--cuda", metavar="X.Y", default="", help="CUDA version or major version: 11.1, 12")
    parser.add_argument(
        "--platform",
        default="",
        help="conda's name (linux-64, linux-aarch64, linux-ppc64le, win-64, win-arm64, linux-tegra, osx-64) or "
        "NVIDIA's (linux-x86_64, linux-sbsa)",
    )
    parser.add_argument("--form", choices=FORMS, default="", help="only files of this form")
    parser.add_argument("--parts", action="store_true", help="also samples and standalone JIT libraries")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action")
    one = actions.add_parser("identify", help="recognise published files")
    one.add_argument("files", nargs="+", type=Path, metavar="FILE", help="downloaded files, whatever their names")
    add_common(one, default=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    return _identify(args) if args.action == "identify" else _list(args)


def _list(args: argparse.Namespace) -> Answer:
    from cudepot.catalog.nvidia.published import Query, select, why_not
    from cudepot.depot.nvidia_catalog import load_catalog

    catalog = load_catalog()
    query = Query(args.version, args.cuda, args.platform, args.form, args.parts)
    found = select(catalog, query)
    reason = why_not(catalog, query)
    rows = list(dict.fromkeys(row for one in found if not one.part for row in catalog.supports(one)))
    answer = {"files": [_file_json(one) for one in found], "support": [asdict(row) for row in rows], "reason": reason}
    lines = [*map(_line, found), *map(_support_line, rows)]
    return answer, lines or [reason], 0 if found else PinError.exit_code


def _file_json(one: Published) -> dict[str, Any]:
    return asdict(one) | {"form": one.form}


def _line(one: Published) -> str:
    size = size_text(one.size) if one.size else "size not known"
    cuda = f"CUDA {one.cuda}" if one.cuda else "any CUDA"
    withdrawn = _noted(one) if "yanked" in one.note else ""
    return f"{one.version}  {cuda}  {one.platform}  {one.file}  {size}  {one.sha256 or 'hash not known'}{withdrawn}"


def _support_line(row: Support) -> str:
    versions = row.first if row.first == row.last else f"{row.first} to {row.last.replace('9.99', 'now')}"
    parts = {
        "CUDA": row.toolkits,
        "Linux driver from": row.driver,
        "Windows driver from": row.windows_driver,
        "GPUs": row.capability,
        "systems": row.distributions,
        "note": row.note,
    }
    told = "; ".join(f"{name} {text}" for name, text in parts.items() if text)
    return f"support: {versions} for CUDA {row.cuda}: {told}"


def _identify(args: argparse.Namespace) -> Answer:
    from cudepot.depot.nvidia_catalog import identify, load_catalog

    with telling("cudepot catalog: hashing the files", quiet=args.quiet):
        found = identify(args.files)
    catalog = load_catalog()
    code = TrustError.exit_code if any(one.verdict == "other-bytes" for one in found) else 0
    lines = [line for one in found for line in _lines(one)]
    reach = [catalog.reach()] if any(one.verdict == "unknown" for one in found) else []
    return [_answer(one, catalog) for one in found], lines + reach, code


def _answer(one: Identified, catalog: Catalog) -> dict[str, Any]:
    return {
        "path": str(one.path),
        "verdict": one.verdict,
        "sha256": one.digest.sha256,
        "size": one.digest.size,
        "known": _file_json(one.known) if one.known else None,
        "support": [asdict(row) for row in catalog.supports(one.known)] if one.known else [],
        "namesakes": [_file_json(other) for other in one.namesakes],
    }


def _lines(one: Identified) -> Iterator[str]:
    if one.known is not None:
        renamed = f", published as {one.known.file}" if one.verdict == "renamed" else ""
        part = f" {one.known.part}" if one.known.part else ""
        what = f"cuDNN {one.known.version}{part}, CUDA {one.known.cuda or 'any'}, {one.known.platform}"
        yield f"{one.path}: {what}{renamed}{_noted(one.known)}"
    elif one.namesakes:
        yield f"{one.path}: not what NVIDIA published under this name (sha256 {one.digest.sha256})"
    else:
        yield f"{one.path}: not known (sha256 {one.digest.sha256})"
    for other in one.namesakes:
        yield f"  same name, different content: cuDNN {other.version}, {other.sha256[:16]}…{_noted(other)}"


def _noted(one: Published) -> str:
    return f" ({one.note})" if one.note else ""

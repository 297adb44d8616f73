"""``cudepot units``."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.cli.output import Answer
from cudepot.cli.project_file import load_config
from cudepot.cli.speech import SPEECH
from cudepot.data import data_folder
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.catalog.units import Place

NAME = "units"
HELP = "write what runs cudepot every night: systemd, cron, Kubernetes; alert rules"
DESCRIPTION = """\
Print, or with -o write, what runs this project every night, and what watches it: a hardened systemd service with its
timer, a line for cron, manifests for Kubernetes with Kustomize, alert rules for Prometheus. The project's folder, its
owner and this very command are filled in. Nothing is installed; `cudepot explain operate` says where the files go.
"""
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    from cudepot.catalog.units import KINDS

    told = "; ".join(f"{name}: {what}" for name, what in KINDS.items())
    parser.add_argument("kind", choices=tuple(KINDS), metavar="KIND", help=told)
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="write the files there instead of printing")
    parser.add_argument("-n", "--dry-run", action="store_true", help="with -o: say what would be written")
    parser.add_argument("--at", type=_time, default=(3, 17), metavar="HH:MM", help="when to run (default: 03:17)")
    parser.add_argument("--user", default="", metavar="NAME", help="who runs it (default: the owner of the folder)")
    parser.add_argument("--metrics", default="", metavar="FILE", help="have each run write metrics there")
    parser.add_argument("--image", default="", metavar="IMAGE", help="container image that has cudepot, for Kubernetes")


def _time(text: str) -> tuple[int, int]:
    found = _TIME.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time as 03:17")
    return int(found[1]), int(found[2])


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.catalog.units import filled

    folder = data_folder("channel-config") / "operate" / args.kind
    files = {one.name: one.read_text("utf-8") for one in sorted(folder.iterdir())}
    found = filled(args.kind, files, _place(args))
    if note := _index_note(Path(args.directory)):
        SPEECH.tell(note)
    if args.output is None:
        lines = [line for name, text in found.items() for line in (f"# {name}", *text.splitlines(), "")]
        return {"files": found}, lines[:-1], 0
    return {"files": found}, _written(args.output, found, dry_run=args.dry_run), 0


def _index_note(base: Path) -> str:
    """Return what the job's user may lack: the package index that only the one who asks has configured, or nobody."""
    from cudepot.cli.machine_index import lasting_index

    try:
        config = load_config(base)
    except ConfigError:  # there is no project here, or its own verbs tell what is wrong
        return ""
    for error in config.unplaced.values():
        return f"note: {error}; {error.hint}"
    own = _own_index()
    if own not in config.machine_places.values() or own == lasting_index():
        return ""
    return (
        f"note: {own} is the package index of your own configuration, which a job does not read: give it as `url` "
        "next to `preset` in cudepot.toml, or as index-url in /etc/pip.conf"
    )


def _own_index() -> str:
    from cudepot.cli.machine_index import machine_index

    try:
        return machine_index()
    except ConfigError:
        return ""


def _written(folder: Path, files: dict[str, str], *, dry_run: bool) -> list[str]:
    """Write files that are not there yet, or are the same; raise ConfigError before one is overwritten."""
    from cudepot.disk import storage_errors
    from cudepot.user_files import write_user_file

    for name, text in files.items():
        if (folder / name).exists() and (folder / name).read_text("utf-8", "replace") != text:
            raise ConfigError(f"{folder / name}: is there and differs", hint="remove it, or choose another -o DIR")
    if dry_run:
        return [f"would write {folder / name}" for name in files]
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write_user_file(folder / name, text.encode())
    return [f"wrote {folder / name}" for name in files]


def _place(args: argparse.Namespace) -> Place:
    from cudepot.catalog.units import Place

    base, there = Path(args.directory).resolve(), Place()
    hour, minute = args.at
    user, image, metrics = args.user or _owner(base) or there.user, args.image or there.image, args.metrics
    metrics = metrics and str(base / metrics)
    gnupg = _gnupg(base, there.gnupg) if args.kind == "kubernetes" else ""
    return Place(str(base), _program() or there.program, user, hour, minute, image, metrics, gnupg)


def _gnupg(base: Path, usual: str) -> str:
    """Return where the project's private key is, relative to its folder; empty where it is not in that folder."""
    if not (base / "cudepot.toml").exists():
        return usual
    site = load_config(base).site
    home = Path(os.path.relpath(base / site.gnupg, base))
    return "" if site.origin or ".." in home.parts else str(home)


def _program() -> str:
    """Return the command that runs now; empty where it was started in another way."""
    started = Path(sys.argv[0])
    if started.name == "cudepot" and started.is_file():
        return str(started.absolute())
    return shutil.which("cudepot") or ""


def _owner(base: Path) -> str:
    """Return who owns a folder; empty for root, who is not to run this, and for nobody the machine knows."""
    try:
        owner = base.owner()
    except (KeyError, OSError):
        return ""
    return "" if owner == "root" else owner

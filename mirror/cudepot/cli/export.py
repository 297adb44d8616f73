"""``cudepot export``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from cudepot.cli.common import add_channel, channel_meant, reached
from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.errors import ConfigError
from cudepot.user_files import write_user_file

NAME = "export"
HELP = "write what the site has as pins for conda, pip, uv, apt, dnf, Docker or Ansible"
DESCRIPTION = """\
Print the contents of the shown snapshot as pins in the format of the tool that installs them, with exact versions
and, where the format has them, hashes. `cudepot export` without a format lists the formats.

With --environment, write what installs an environment from the site: for wheels, hashed requirements for each target
and one pylock.toml for all of them; for conda packages, an explicit file and an environment file for each target. The
files go into the folder given by --output; those of a single --target can be printed.

With --relink, put the site's URLs into a uv.lock or pylock.toml made for another index; hashes and versions stay the
same.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("format", nargs="?", default="", metavar="FORMAT", help="one of the formats listed without it")
    parser.add_argument(
        "--url",
        default="",
        metavar="URL",
        help="URL where clients reach site/current (default: `url` of [site], or a bucket's `public-url`)",
    )
    add_channel(parser)
    parser.add_argument("--platform", default="linux-64", metavar="SUBDIR", help="for conda (default: linux-64)")
    parser.add_argument("--cuda", default="", metavar="VERSION", help="packages for this CUDA only: 12, 11.1")
    parser.add_argument("--repository", default="", metavar="NAME", help="apt or yum repository, if there are several")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME[=VERSION[=BUILD]]",
        help="only this and its dependencies; may be repeated",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--environment", default="", metavar="NAME", help="files that install this environment")
    parser.add_argument("--target", default="", metavar="TARGET", help="only this target of it: linux-64-py3.12")
    instead.add_argument(
        "--relink",
        default="",
        metavar="FILE",
        help="write a uv.lock or pylock.toml of another index with the site's URLs",
    )
    parser.add_argument(
        "--leave-missing",
        action="store_true",
        help="with --relink: leave packages that the site does not have unchanged",
    )
    parser.add_argument(
        "-o",
        "--output",
        default="",
        metavar="FILE",
        help="write to this file instead of printing; with --environment a folder for its files",
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="only show what it would contain")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.catalog.site.choice import Choice
    from cudepot.workflows.export.export import FORMATS, export

    if args.environment:
        return _environment(args)
    if args.relink:
        return _relinked(args)
    if not args.format:
        formats = {name: use for name, (_, use, _) in FORMATS.items()}
        return formats, [f"{name:18} {use}" for name, use in formats.items()], 0
    if args.format not in FORMATS:
        raise ConfigError(f"no format {args.format!r}", hint=f"there are {', '.join(FORMATS)}")
    with opened(args, exclusive=False) as depot:
        choice = Choice(args.platform, args.cuda, args.repository, tuple(args.only))
        channel = channel_meant(args.channel, depot.config.site)
        url = reached(args.url, depot.config.site, channel)
        text, site = export(depot.in_channel(channel), args.format, url, choice)
    held = [asdict(one) for one in site.held]
    result = {"format": args.format, "snapshot": site.number, "packages": held, "text": text}
    if args.dry_run:
        return result, [f"{one.kind} {one.name} {one.version} {one.build}".rstrip() for one in site.held], 0
    if not args.output:
        return result, text.rstrip("\n").split("\n"), 0
    return result | {"file": args.output}, [_written(args, text)], 0


def _environment(args: argparse.Namespace) -> Answer:
    from cudepot.workflows.solutions import exported

    if args.format:
        raise ConfigError("--environment writes all formats it has", hint=f"omit {args.format!r}")
    with opened(args, exclusive=False) as depot:
        channel = channel_meant(args.channel, depot.config.site)
        url = reached(args.url, depot.config.site, channel)
        files, number = exported(depot.in_channel(channel), args.environment, url, args.target)
    answer = {"environment": args.environment, "snapshot": number, "files": files}
    if args.dry_run or args.output:
        lines = list(files) if args.dry_run else [_written(args, text, name) for name, text in files.items()]
        return answer, lines, 0
    if not args.json and not args.target:
        raise ConfigError(
            f"{args.environment} has several files: {', '.join(files)}",
            hint="give a folder with -o DIR, or print the requirements of one with --target",
        )
    return answer, next(iter(files.values())).rstrip("\n").split("\n"), 0


def _relinked(args: argparse.Namespace) -> Answer:
    from cudepot.depot.snapshots import shown_snapshot
    from cudepot.kinds.wheels.relink import relink

    if args.format:
        raise ConfigError("--relink keeps the form of its file", hint=f"omit {args.format!r}")
    try:
        text = (Path(args.directory) / args.relink).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{args.relink}: {error}", hint="give a uv.lock or a pylock.toml") from error
    with opened(args, exclusive=False) as depot:
        channel = channel_meant(args.channel, depot.config.site)
        snapshot = shown_snapshot(depot.history, depot.in_channel(channel).site())
        url = reached(args.url, depot.config.site, channel).rstrip("/")
        made, found = relink(text, snapshot.tree, url, leave=args.leave_missing)
        for one in (*found.lacking, *found.nowhere):
            depot.progress.say(f"{one}: unchanged: not on the site")
    answer = {"snapshot": snapshot.number, "text": made, **{key: list(getattr(found, key)) for key in _BECAME}}
    if args.dry_run or not args.output:
        return answer, list(found.linked) if args.dry_run else made.rstrip("\n").split("\n"), 0
    return answer | {"file": args.output}, [_written(args, made)], 0


_BECAME = ("linked", "lacking", "nowhere")


def _written(args: argparse.Namespace, text: str, name: str = "") -> str:
    path, data = Path(args.directory) / args.output / name, text.encode()
    return f"{path} (replaced)" if write_user_file(path, data) else str(path)

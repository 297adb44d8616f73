"""``cudepot edge``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text
from cudepot.cli.room import room_json, room_lines
from cudepot.cli.wait_options import add_wait
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.workflows.edge.follow import Followed
    from cudepot.workflows.publish.result import PublishResult

NAME = "edge"
HELP = "follow another site over HTTP and show what it shows"
DESCRIPTION = """\
Bring what the site at URL shows, only what is missing here, and publish it: what `bundle import` does with a medium,
over a network. Of a site with channels each is shown here under its name, as `channels` of [site] names them.
Everything is checked as for a bundle, by that site's signature and by the upstreams' own. The project is one of
`cudepot init --from-site`, the site has `edges = true` in [site]. With `edges = true` here too, other edges can follow
this one. See `cudepot explain edges`.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("url", nargs="?", metavar="URL", help="of the site (default: `follow` of [site])")
    parser.add_argument("--no-publish", action="store_true", help="bring the snapshot, but show nothing new")
    parser.add_argument(
        "--accept-new-chain",
        action="store_true",
        help="take what the site shows although it does not continue what is here: that site began again, or was "
        "restored from a backup; snapshots here that are none of its own are forgotten",
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="check what the site shows; fetch nothing")
    add_wait(parser)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.edge.follow import follow
    from cudepot.workflows.publish.publish import publish

    with opened(args) as depot:
        url = _url(args.url, depot.config.site.follow)
        done = follow(depot, url, dry_run=args.dry_run, accept_new_chain=args.accept_new_chain)
        shown = None if args.no_publish or args.dry_run else publish(depot)
    answer = {**asdict(done), "room": room_json(done.room), "shown": shown.number if shown else None}
    return answer, [*_lines(done, dry_run=args.dry_run), *(_shown(shown) if shown else ())], 0


def _url(given: str | None, configured: str) -> str:
    from cudepot.catalog.config.site import folder_url
    from cudepot.catalog.fields import Table

    if not (given or configured):
        hint = "`cudepot edge URL`, or set `follow` in [site] of cudepot.toml"
        raise ConfigError("no URL of a site to follow", hint=hint)
    return folder_url(Table({"URL": given}), "URL") if given else configured


def _lines(done: Followed, *, dry_run: bool) -> list[str]:
    if not done.fresh:
        return [f"{done.url} shows {_what(done)}, which is here", *done.notes]
    lines = [
        f"{one.upstream} ({one.type}): {one.packages} packages, "
        + (f"signed by {', '.join(one.signers)}" if one.signers else "not signed upstream: the site vouches for them")
        for one in done.proved
    ]
    lines += [f"licence accepted by that site: {one}" for one in done.licences]
    if done.forgotten:
        gone = "would forget" if dry_run else "forgot"
        lines.append(f"{gone} snapshots that are none of that site's: {', '.join(map(str, done.forgotten))}")
    did = "would fetch" if dry_run else "fetched"
    return [
        *room_lines(done.room),
        *lines,
        f"{_what(done)} of {done.url}: {did} {done.objects} objects, {size_text(done.bytes)}",
        *done.notes,
    ]


def _what(done: Followed) -> str:
    shown = [f"snapshot {number} in {name}" for name, number in done.channels.items()]
    return ", ".join(shown) or f"snapshot {done.number}"


def _shown(shown: PublishResult) -> list[str]:
    if shown.hold:
        return [f"rolled back to snapshot {shown.number} here: it stays until `cudepot publish --release-rollback`"]
    return [f"{shown.site} shows snapshot {shown.number}", *shown.notes]

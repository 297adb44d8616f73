"""``cudepot licence``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cudepot.cli.common import add_common
from cudepot.cli.context import opened, passing
from cudepot.cli.licence_terms import accepted_now, named, on_terminal, text_of
from cudepot.cli.output import Answer
from cudepot.cli.project_file import config_if_any
from cudepot.cli.steps import telling
from cudepot.errors import EulaError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cudepot.depot.depot import Depot
    from cudepot.workflows.build.licences import Terms

NAME = "licence"
HELP = "list, show and accept the licence texts that apply to packages"
DESCRIPTION = """\
Handle every licence text at once, before anything is unpacked or built, and without a network. `list` and `show`
accept files as `cudepot build` does, and then need no project; otherwise they cover what the project has locked and
fetched. `accept` writes hashes into accept-eula of cudepot.toml, keeping its comments, and into cudepot.lock: those
given, --all of them, or on a terminal those you confirm one by one. With --dry-run it changes nothing.
"""


class _Found(NamedTuple):
    """Licence texts, each with what it says, and the releases whose texts are not known."""

    texts: Sequence[tuple[Terms, str]]
    unknown: Sequence[str] = ()

    @property
    def terms(self) -> list[Terms]:
        return [one for one, _ in self.texts]

    def chosen(self, hashes: Sequence[str]) -> Sequence[tuple[Terms, str]]:
        """Return the texts that hashes name; all of them where there are no hashes."""
        wanted = named(self.terms, hashes) if hashes else self.terms
        return [(one, text) for one, text in self.texts if one in wanted]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    rows = {
        "list": "list each text by sha256, what it applies to, and whether it is accepted",
        "show": "print texts, in a pager on a terminal",
        "accept": "accept texts for this project",
    }
    for name, about in rows.items():
        one = actions.add_parser(name, help=about)
        if name == "accept":
            sha = "sha256 of a text, or its first 8 digits or more"
            one.add_argument("texts", nargs="*", metavar="SHA", help=sha)
            one.add_argument("--all", action="store_true", help="accept every text that `list` shows")
            one.add_argument("-n", "--dry-run", action="store_true", help="show what would be accepted")
        else:
            more = " or the sha256 of a text" if name == "show" else ""
            one.add_argument("files", nargs="*", metavar="FILE", help=f"downloaded file or folder{more}")
        add_common(one, default=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> Answer:
    """Run the action."""
    return {"list": _list, "show": _show, "accept": _accept}[args.action](args)


def _of_project(args: argparse.Namespace) -> _Found:
    from cudepot.workflows.build.project_licences import licences

    args = argparse.Namespace(**{**vars(args), "dry_run": True})
    with opened(args) as depot:
        found = licences(depot)
        return _Found(_read(depot, found.terms), found.unknown)


def _of_files(args: argparse.Namespace, files: Sequence[Path]) -> _Found:
    from cudepot.catalog.ecosystems import Output
    from cudepot.workflows.loose.build import planned
    from cudepot.workflows.loose.recognised import configured, recognised

    with telling("cudepot licence: looking at the files", quiet=args.quiet) as shown:
        found, _ = recognised(files)
        config = configured(config_if_any(Path(args.directory)), found, (Output.CONDA,))
        with passing(args, config) as depot:
            return _Found(_read(depot, planned(replace(depot, progress=shown)).terms))


def _read(depot: Depot, terms: Sequence[Terms]) -> list[tuple[Terms, str]]:
    return [(one, text_of(depot.store, one)) for one in terms]


def _asked(args: argparse.Namespace) -> tuple[_Found, Sequence[tuple[Terms, str]]]:
    """Return what there is in the files that are named, else in the project; and what of it the other words name."""
    files = [Path(one) for one in args.files if Path(one).exists() or "." in one or "/" in one]
    found = _of_files(args, files) if files else _of_project(args)
    return found, found.chosen([one for one in args.files if Path(one) not in files])


def _list(args: argparse.Namespace) -> Answer:
    found, chosen = _asked(args)
    lines = [f"{one.digest.sha256}  {_state(one)}  {one.listed}" for one, _ in chosen]
    lines += [f"not known before `cudepot sync`: {one}" for one in found.unknown]
    answer = {"licences": [_terms_json(one) for one, _ in chosen], "unknown": list(found.unknown)}
    return answer, lines or ["nothing here is repackaged, so there is no licence to accept"], 0


def _state(one: Terms) -> str:
    return "accepted" if one.accepted else "waits   "


def _terms_json(one: Terms) -> dict[str, Any]:
    return {"sha256": one.digest.sha256, "accepted": one.accepted, "releases": list(one.releases)}


def _show(args: argparse.Namespace) -> Answer:
    _, chosen = _asked(args)
    answer = [_terms_json(one) | {"text": text} for one, text in chosen]
    lines = [f"{_head(one)}\n\n{text}" for one, text in chosen]
    if lines and on_terminal(args):
        import pydoc

        pydoc.pager("\n".join(lines))
        return answer, [], 0
    return answer, lines or ["no licence text found"], 0


def _head(one: Terms) -> str:
    return f"=== {one.listed} (sha256 {one.digest.sha256}) ==="


def _accept(args: argparse.Namespace) -> Answer:
    from cudepot.workflows.build.project_licences import accept

    found = _of_project(args)
    waiting = [one for one in found.terms if not one.accepted]
    chosen = _chosen(args, found, waiting)
    if chosen and not args.dry_run:
        with opened(args) as depot:
            accept(depot, chosen)
    did = "would accept" if args.dry_run else "accepted"
    lines = [f"{did} {one.digest.sha256} ({one.listed})" for one in chosen]
    left = [one for one in waiting if one not in chosen]
    lines += [f"not accepted yet: {one.digest.sha256} ({one.listed})" for one in left]
    lines += [f"not known before `cudepot sync`: {one}" for one in found.unknown]
    if chosen and not args.dry_run:
        lines.append("wrote cudepot.toml and cudepot.lock; next: cudepot repackage")
    answer = {"accepted": [_terms_json(one) for one in chosen], "waiting": [_terms_json(one) for one in left]}
    return answer, lines or ["every licence here is accepted already"], 0


def _chosen(args: argparse.Namespace, found: _Found, waiting: Sequence[Terms]) -> Sequence[Terms]:
    """Return the texts to accept; raise EulaError where none was named and nobody can be asked."""
    if args.texts:
        return [one for one in named(found.terms, args.texts) if not one.accepted]
    if args.all or not waiting:
        return waiting
    if on_terminal(args) and not args.dry_run:
        return accepted_now((one, text) for one, text in found.texts if one in waiting)
    listed = " ".join(one.digest.sha256 for one in waiting)
    raise EulaError(
        f"{len(waiting)} licence texts have to be accepted, but none was given",
        hint=f"read them with `cudepot licence show`; if you accept them, run `cudepot licence accept {listed}`",
    )

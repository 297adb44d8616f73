"""The ``cudepot`` command: parses, calls one workflow, prints its result, turns errors into exit codes."""

from __future__ import annotations

import argparse
import gc
import importlib
import io
import itertools
import json
import os
import sys
from collections.abc import Iterable, Sequence

from cudepot import __version__
from cudepot.cli.common import add_common
from cudepot.cli.journal import journal_of
from cudepot.cli.output import complain, interrupted, print_told, unexpected
from cudepot.cli.parsing import HelpFormatter, Parser
from cudepot.cli.speech import SPEECH
from cudepot.errors import CudepotError, UsageError

GROUPS = {
    "get and make": (
        "build",
        "init",
        "add",
        "remove",
        "lock",
        "update",
        "sync",
        "licence",
        "repackage",
        "publish",
        "run",
        "status",
    ),
    "keep and check": (
        "verify",
        "snapshots",
        "diff",
        "why",
        "tree",
        "rollback",
        "gc",
        "channels",
        "promote",
        "tag",
        "backup",
        "restore",
    ),
    "carry and show": ("bundle", "edge", "kit", "serve", "units", "client", "export"),
    "know": ("trust", "upstreams", "catalog", "doctor", "samples", "explain", "schema", "completion", "help"),
}
"""The verbs as the help and the README group them; each is a module of this package."""
VERBS = tuple(verb for group in GROUPS.values() for verb in group)
_COLLECT_AFTER = 50_000
"""Objects made before cycles are looked for. Values of ours make none, and Python's 700 cost a tenth of a short run."""
_OTHERS = 0o002
"""Whatever the umask, nothing becomes writable for everybody: they could exchange what is hashed and linked later."""
WRONG_USAGE = 2
"""Exit status where a verb is missing or an option wrong; argparse's own."""
EXIT_CODES = """\
exit codes:
   0  done                               6  a pin cannot be satisfied
   1  unexpected fault in cudepot        7  disk full, read-only, forbidden
   2  wrong usage                        8  licence (EULA) not accepted
   3  cudepot.toml, lock or recipe bad,  9  another cudepot holds the store
      or another verb has to run first  10  artifact malformed or hostile
   4  upstream unreachable or lacking   11  a build on this machine failed
   5  signature, hash or date wrong     12  no GPU that fits (doctor --run)
  14  status --check, run: look at it   13  installed cuDNN is broken (doctor)
 130  interrupted
"""


VERB_EPILOG = "`cudepot help` lists the exit codes; `cudepot explain` has the manual."


def parser(only: str = "") -> Parser:
    """Return the parser of the whole command line, or of one verb: loading all of them is half of a short run."""
    top = Parser(
        prog="cudepot",
        description="Bring NVIDIA's cuDNN to machines that must be pinned, private or offline.",
        epilog=EXIT_CODES,
        formatter_class=HelpFormatter,
    )
    top.groups = GROUPS
    top.add_argument("--version", action="version", version=f"cudepot {__version__}")
    add_common(top)
    verbs = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name in (only,) if only else VERBS:
        verb = importlib.import_module(f"cudepot.cli.{name}")
        one = verbs.add_parser(
            verb.NAME,
            help=verb.HELP,
            description=verb.DESCRIPTION,
            epilog=VERB_EPILOG,
            formatter_class=HelpFormatter,
        )
        add_common(one, default=argparse.SUPPRESS)
        verb.add_arguments(one)
        one.set_defaults(run=verb.run, verb=verb.NAME)
    return top


def verb_of(words: Iterable[str]) -> str:
    """Return the verb that words of a command line name; empty where they name none, so that help is about all."""
    left = iter(words)
    for word in left:
        if word == "-C" or _names_directory(word):
            next(left, None)
        elif not word.startswith("-"):
            return word if word in VERBS else ""
    return ""


def _names_directory(word: str) -> bool:
    """Return whether a word is ``--directory``, which argparse takes shortened too; the folder is the next word."""
    return len(word) > len("--") and "--directory".startswith(word)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status of the process."""
    gc.set_threshold(_COLLECT_AFTER)
    os.umask(os.umask(_OTHERS) | _OTHERS)
    if "_ARGCOMPLETE" in os.environ:
        _complete()
    _speak_whatever_the_terminal_reads()
    words = sys.argv[1:] if argv is None else argv
    if not words:
        parser().print_help(sys.stderr)
        return WRONG_USAGE
    as_json = "--json" in itertools.takewhile("--".__ne__, words)
    try:
        args = parser(verb_of(words)).parse_args(words)
    except UsageError as error:
        return complain(error, as_json=as_json)
    SPEECH.when = "never" if args.json else args.color
    try:
        result, lines, code = args.run(args)
    except CudepotError as error:
        _keep_error(args, error)
        return complain(error, as_json=args.json)
    except KeyboardInterrupt as error:
        _keep_error(args, error)
        return interrupted(as_json=args.json)
    except Exception as error:  # noqa: BLE001 - the last resort: say what to report instead of a bare traceback
        _keep_error(args, error)
        return unexpected(error, as_json=args.json)
    if journal := journal_of(args):
        journal.write([*lines, f"exit {int(code)}"])
    text = json.dumps(result, indent=1, sort_keys=True) if args.json else SPEECH.answered(lines, sys.stdout)
    return print_told(text, int(code))


def _complete() -> None:
    from cudepot.cli.completion import answer

    answer(parser, verb_of)


def _keep_error(args: argparse.Namespace, error: BaseException) -> None:
    if journal := journal_of(args):
        journal.failed(error)


def _speak_whatever_the_terminal_reads() -> None:
    """Let a terminal that is not UTF-8 show a question mark where it lacks a sign, instead of failing the verb."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


if __name__ == "__main__":
    sys.exit(main())

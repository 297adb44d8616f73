"""How errors are printed: one line, a hint, and the same as JSON where that was asked for."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cudepot.cli.progress import silence
from cudepot.cli.speech import SPEECH
from cudepot.errors import CudepotError, UsageError
from cudepot.masked import masked

if TYPE_CHECKING:
    from cudepot.catalog.run_report import Met
    from cudepot.depot.fault_memory import Standing

_REPORT = "a bug in cudepot: run again with CUDEPOT_DEBUG=1 and report it"
INTERRUPTED = 130
"""Exit status after Ctrl-C."""
NEEDED = 14
"""Exit status of ``--check`` when somebody has to look."""
Answer = tuple[Any, list[str], int]
"""What a verb gives back: a JSON-able result, the lines for people, the exit status."""


def print_told(text: str, code: int) -> int:
    """Print a result and return the exit status: ``code``, or 7 when it could not be written.

    A reader that leaves early (``| head``) is no fault: the work is done.
    """
    try:
        if text:
            print(text, flush=True)  # noqa: T201
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as error:
        print(f"error E500: the result could not be written: {error.strerror}", file=sys.stderr)  # noqa: T201
        silence(sys.stdout)
        return code or 7
    return code


def error_json(error: CudepotError) -> dict[str, Any]:
    """Return an error as JSON has it."""
    return {
        "code": error.code,
        "error": masked(str(error)),
        "hint": masked(error.hint),
        "where": masked(error.where or _place(str(error))),
        "exit": error.exit_code,
    }


def _place(message: str) -> str:
    """Return the file, folder or URL that a message begins with; empty where it begins with something else."""
    first = message.partition(": ")[0]
    return first if "/" in first and " " not in first else ""


def complain(error: CudepotError, *, as_json: bool) -> int:
    """Tell an error that was raised on purpose and return its exit status."""
    if as_json:
        print(json.dumps(error_json(error), indent=1, sort_keys=True))  # noqa: T201
    if isinstance(error, UsageError) and error.usage and not as_json:
        SPEECH.tell(error.usage.rstrip())
    SPEECH.tell(f"error {error.code}: {masked(str(error))}")
    if error.hint:
        SPEECH.tell(f"hint: {masked(error.hint)}")
    return error.exit_code


def interrupted(*, as_json: bool) -> int:
    """Say that the user stopped the run, and return the exit status."""
    said = "what has arrived is kept; run the command again to resume"
    if as_json:
        answer = {"code": "E130", "error": "interrupted", "hint": said, "where": "", "exit": INTERRUPTED}
        print(json.dumps(answer, indent=1, sort_keys=True))  # noqa: T201
    print(f"\ninterrupted: {said}", file=sys.stderr)  # noqa: T201
    return INTERRUPTED


def tell_met(one: Met) -> None:
    """Tell a trouble of a run."""
    SPEECH.tell(f"error {one.code}: {one.line()}")
    if one.hint:
        SPEECH.tell(f"hint: {one.hint}")


def tell_failed_hook(name: str, event: str, error: str) -> None:
    """Tell that a hook failed."""
    SPEECH.tell(f"warning: hook {name} failed for {event}: {error}")


def tell_no_metrics(path: Path, error: CudepotError) -> None:
    """Tell that metrics were not written, so that what is in the file is older than the run."""
    SPEECH.tell(f"warning: no metrics of this run in {path}: {masked(str(error))}")
    if error.hint:
        SPEECH.tell(f"hint: {masked(error.hint)}")


def fault_line(one: Standing) -> str:
    """Return a standing fault of an upstream in one line."""
    told = one.fault.line()
    evidence = f"; {told}" if told else ""
    where = f": {one.fault.url}" if one.fault.url else ""
    return f"fault: {one.upstream}: {one.fault.kind}, since {one.since} ({one.verb}){where}{evidence}"


def unexpected(error: Exception, *, as_json: bool) -> int:
    """Tell a fault of cudepot itself: one line, and the traceback where CUDEPOT_DEBUG asks for it."""
    if os.environ.get("CUDEPOT_DEBUG"):
        traceback.print_exception(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    said = masked(" ".join(str(error).split()))
    if as_json:
        at = f"{Path(where.filename).name}:{where.lineno}"
        told = {"code": "E000", "error": f"{type(error).__name__}: {said}", "hint": _REPORT, "where": at, "exit": 1}
        print(json.dumps(told, indent=1, sort_keys=True))  # noqa: T201
    SPEECH.tell(f"error E000: {type(error).__name__}: {said} ({where.name}, line {where.lineno})")
    SPEECH.tell(f"hint: {_REPORT}")
    return 1

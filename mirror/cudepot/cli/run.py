"""``cudepot run``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.cli.context import opened
from cudepot.cli.output import Answer, tell_failed_hook, tell_met, tell_no_metrics
from cudepot.cli.progress import size_text
from cudepot.cli.status import add_metrics
from cudepot.cli.wait_options import add_wait
from cudepot.cli.workers_option import add_workers, refuse_recipes
from cudepot.errors import CudepotError

if TYPE_CHECKING:
    from cudepot.catalog.run_report import Report, Step
    from cudepot.depot.depot import Depot

NAME = "run"
HELP = "lock, sync, repackage and publish in one job, for every night"
DESCRIPTION = """\
Lock, sync, repackage and publish, each as far as it can: trouble with one upstream, one build or one licence holds
back what it concerns and nothing else, and what is held back stays as it was published last. While a rollback is in
force, everything is locked and fetched and nothing new is shown. The exit status is the worst that a step met; where
none met anything but somebody has to look anyway, it is 14, as with `status --check`.

A run that finds another cudepot at work says which one, waits for it as long as --wait allows, and ends with 9.
`cudepot status` shows when the last run was; `cudepot units` has schedules for systemd, cron and Kubernetes.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be done, as far as that is known")
    parser.add_argument("--recipes", metavar="DIR", help="folder of recipes instead of cudepot's own")
    add_metrics(parser)
    add_wait(parser)
    add_workers(parser)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    refuse_recipes(args)
    from cudepot.catalog.run_report import render_report
    from cudepot.workflows.run.run import Asked, run

    with opened(args, calls=False) as depot:
        report = run(depot, Asked(args.dry_run, args.wait))
        if args.metrics and not args.dry_run:
            _measure(depot, args.metrics)
    for one in (met for step in report.steps for met in step.met):
        tell_met(one)
    for hook in report.hooks:
        if hook["error"]:
            tell_failed_hook(hook["name"], hook["event"], hook["error"])
    return render_report(report), list(lines(report)), report.exit


def _measure(depot: Depot, path: Path) -> None:
    """Write metrics; what keeps them from being written is told and logged, and changes nothing of the job."""
    from cudepot.depot.isolated import unforeseen
    from cudepot.workflows.facts import facts
    from cudepot.workflows.metrics import check_library, write_metrics

    try:
        check_library()
        write_metrics(facts(depot), path)
    except CudepotError as error:
        tell_no_metrics(path, error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the run was what it was
        tell_no_metrics(path, unforeseen(str(path), error, depot.unforeseen(error)))


def lines(report: Report) -> list[str]:
    """Return a run as people read it: a line a step, what is odd behind it, and what somebody has to look at."""
    found = [line for step in report.steps for line in (f"{step.name}: {_done(step)}", *map(_indented, step.notes))]
    if report.hold:
        since = f" since {report.hold['since']}" if report.hold["since"] else ""
        found.append(
            f"rolled back to snapshot {report.hold['shows']}{since}: nothing new is shown until "
            "`cudepot publish --release-rollback`"
        )
    return [*found, *(f"check: {one}" for one in report.alarms)]


def _indented(text: str) -> str:
    return f"  {text}"


def _done(step: Step) -> str:
    """Return what a step did, in one line."""
    if step.left_out:
        return step.left_out
    texts = {"edge": _followed, "lock": _locked, "sync": _synced, "repackage": _repackaged, "publish": _published}
    failed = f"exit {step.exit}" if step.exit else ""
    did = texts[step.name](step) if step.done else ""
    return f"{'; '.join(one for one in (did, failed) if one) or 'nothing'} ({step.seconds:.1f} s)"


def _followed(step: Step) -> str:
    did = step.done
    new = "new " if did["fresh"] else ""
    return f"{did['objects']} objects, {size_text(did['bytes'])}, of {new}snapshot {did['number']}"


def _locked(step: Step) -> str:
    counts = {mark: len(step.done[name]) for mark, name in (("+", "added"), ("-", "removed"), ("!", "changed"))}
    moved = ", ".join(f"{mark}{count}" for mark, count in counts.items() if count)
    return f"{moved} artifacts" if moved else "written" if step.done["written"] else "unchanged"


def _synced(step: Step) -> str:
    did = step.done
    return f"{did['fetched_files']} files, {size_text(did['fetched_bytes'])}, of {did['files']} locked files"


def _repackaged(step: Step) -> str:
    return f"{step.done['built']} of {step.done['releases']} releases, {step.done['packages']} packages"


def _published(step: Step) -> str:
    did = step.done
    moved = f"+{did['added']}, -{did['removed']} packages, " if did["added"] or did["removed"] else ""
    return f"{'new ' if did['fresh'] else ''}snapshot {did['snapshot']}, {moved}{size_text(did['bytes'])}"

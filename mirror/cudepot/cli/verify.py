"""``cudepot verify``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text
from cudepot.cli.wait_options import add_store_wait
from cudepot.cli.workers_option import add_workers
from cudepot.errors import ConfigError, TrustError

if TYPE_CHECKING:
    from cudepot.kinds.rules.checked_clients import Checked
    from cudepot.workflows.verify.everything import VerifyResult
    from cudepot.workflows.verify.package import PackageReport

NAME = "verify"
HELP = "rehash store and site, check signatures and indexes"
DESCRIPTION = """\
Hash every object of the store and every file the site shows, check the signature of every snapshot and the chain
between them, and follow each index of the site to its packages. Changes nothing; exits with 5 if a fault is found.
With --repair, repair store and site from each other, fetch damaged objects again from their upstream or remove them
so that `repackage` and `publish` make them again, remove wrong files from the site, and verify again.

With PACKAGEs (conda packages or wheels, as files), hash every file in them and every member of the artifacts they
were built from, and show which member of which artifact each file is, where that artifact came from and who signed
it.

With --clients, do something else: show which real clients (apt, dnf, yum) refuse each pinned key, each root and each
package as its upstream signed it, and each root the site shows, and why. A refusal is not a fault of the project: the
exit status is 0.

Of a site with channels all of them are looked at, or the one that --channel names.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    add_store_wait(parser)
    parser.add_argument("--repair", action="store_true", help="repair what can be repaired here")
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="trace these packages back to their artifacts")
    parser.add_argument("--clients", action="store_true", help="show which clients refuse which signature, and why")
    parser.add_argument("--channel", default="", metavar="NAME", help="of the site, look at this channel only")
    add_workers(parser)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    if args.clients:
        return _clients(args)
    if args.repair:
        return _repair(args)
    if args.packages and args.channel:
        raise ConfigError("--channel does not go with PACKAGEs", hint="leave one of them out")
    if args.packages:
        return _packages(args)
    from cudepot.workflows.verify.everything import verify

    with opened(args, changes=False) as depot:
        result = verify(depot, args.channel)
    return asdict(result), _lines(result), TrustError.exit_code if result.faults else 0


def _lines(result: VerifyResult) -> list[str]:
    lines = [*result.unsigned, *(f"FAULT {one}" for one in result.faults)]
    lines += [line for one in result.compared for line in one.lines()]
    checked = f"{result.objects} objects ({size_text(result.bytes)}), {result.snapshots} snapshots"
    verdict = f"{len(result.faults)} faults" if result.faults else "all good"
    lines.append(f"checked {checked}, {result.site_files} site files: {verdict}")
    if any("this machine's clock" in one for one in result.faults):
        lines.append("set this machine's clock first, then run cudepot verify again: do not repair anything yet;")
        lines.append(
            "if it is right now but was wrong when the newest snapshot was made: cudepot publish --clock-is-right"
        )
    elif result.faults:
        lines.append("to repair: cudepot verify --repair, then cudepot sync, repackage and publish:")
        lines.append("whatever is missing is fetched, built and written again")
    return lines


def _repair(args: argparse.Namespace) -> Answer:
    from cudepot.workflows.verify.repair import verify_and_repair

    with opened(args) as depot:
        result = verify_and_repair(depot, args.channel)
    lines = [f"FAULT {one}" for one in result.before.faults] + [f"repaired: {one}" for one in result.done]
    answer = asdict(result.after) | {"before": asdict(result.before), "done": result.done}
    return answer, [*lines, *_lines(result.after)], TrustError.exit_code if result.after.faults else 0


def _packages(args: argparse.Namespace) -> Answer:
    from cudepot.workflows.verify.package import all_reports

    with opened(args, exclusive=False) as depot:
        found = all_reports(depot, [Path(one) for one in args.packages])
    lines = [line for one in found for line in _package_lines(one)]
    return [asdict(one) for one in found], lines, TrustError.exit_code if any(one.faults for one in found) else 0


def _package_lines(one: PackageReport) -> list[str]:
    """Say what a package leads back to, file by file."""
    known = "built here" if one.built else "not built by this store"
    lines = [f"{one.package} (sha256 {one.digest.sha256}), {known}"]
    lines += [f"  {file.path} = {file.artifact}: {file.member}" for file in one.files if file.member]
    for origin in one.origins:
        signed = f"signed by {', '.join(origin.signers)}" if origin.signers else "unsigned: known by its hash"
        lines.append(f"  from {origin.filename} (sha256 {origin.digest.sha256}), {origin.upstream}, {signed}")
    lines += [f"  FAULT {fault}" for fault in one.faults]
    verdict = f"{len(one.faults)} faults" if one.faults else f"{len(one.files)} files traced back to {one.job}"
    return [*lines, f"  {verdict}"]


def _clients(args: argparse.Namespace) -> Answer:
    from cudepot.workflows.verify.clients import check_clients

    with opened(args, exclusive=False) as depot:
        found = check_clients(depot, args.channel)
    lines = [line for one in found for line in _checked_lines(one)]
    refused = [one for one in found if not all(verdict.accepted for verdict in one.verdicts)]
    if any(one.kind == "site" for one in refused):
        lines.append("clients refuse what the site shows: pin packages instead of mirroring it whole, and the site")
        lines.append("publishes it signed with its own key")
    elif refused and any(one.kind == "site" for one in found):
        lines.append("all of these clients accept what the site shows")
    elif refused:
        lines.append("a repository published as pinned packages is signed with the site's key and not affected")
    if any(one.kind == "packages" for one in refused):
        lines.append("rpms keep their upstream's signature: a client that refuses it needs another key or policy, or")
        lines.append("gpgcheck=0, and then relies on the hashes in the metadata that the site signs")
    return [asdict(one) for one in found], lines or ["nothing to check: no apt or yum upstream, and none shown"], 0


def _checked_lines(one: Checked) -> list[str]:
    names = {"key": "key", "root": "upstream", "packages": "packages", "site": "site"}
    lines = [f"{names[one.kind]} {one.what} ({one.upstream}), over {', '.join(one.digests) or 'no known hash'}"]
    for verdict in one.verdicts:
        said = "accepted by" if verdict.accepted else "REFUSED by"
        lines.append(f"  {said} {verdict.client}{': ' if verdict.reasons else ''}{'; '.join(verdict.reasons)}")
    return lines

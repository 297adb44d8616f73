"""The command line: ``python3 cudepot-far.pyz VERB``. Errors and exit statuses are those of cudepot."""

import argparse
import contextlib
import json
import os
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

from cudepot_far import report, serve, show
from cudepot_far.channels import unlisted
from cudepot_far.disk import refusal
from cudepot_far.errors import ConfigError, FarError
from cudepot_far.gpgv import Gpgv
from cudepot_far.manifest import fingerprint
from cudepot_far.project import Project, init, key_file, open_project
from cudepot_far.take_in import Result, check_lineage, opened, take_in, waiting_manifests
from cudepot_far.told import told_of
from cudepot_far.volume import Volume, open_volume

DESCRIPTION = """\
The far side of an air gap, without cudepot: imports bundles and shows the site they bring, byte for byte.
Needs Python 3.6 or newer, its standard library, and gpgv. Before the first run, check this file itself:
  gpgv --keyring ./site.gpg cudepot-far.pyz.asc cudepot-far.pyz
"""
Answer = Tuple[Any, List[str], int]
"""What ``--json`` prints, lines for people, and the exit status."""


def main(argv: Optional[List[str]] = None) -> int:
    """Run the command line and return the exit status."""
    args = _parser().parse_args(argv)
    if not getattr(args, "run", None):
        _parser().print_help()
        return 2
    try:
        document, lines, status = args.run(args)
        _print(("" if document is None else json.dumps(document, indent=1)) if args.json else "\n".join(lines))
        return int(status)
    except FarError as error:
        return _told(error, args.json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: what has arrived is kept\n")
        return 130
    except OSError as error:
        other = ConfigError(f"{error.filename or 'the system'}: {error.strerror}", "check path and permissions")
        return _told(refusal(error, "a file in the folder of temporary files") or other, args.json)


def _told(error: FarError, as_json: bool = False) -> int:
    sys.stderr.write(f"error {error.code}: {error}\n")
    sys.stderr.write(f"hint: {error.hint or 'where cudepot is installed, `cudepot explain airgap` has more'}\n")
    if as_json:
        _print(json.dumps({"error": {"code": error.code, "message": str(error), "hint": error.hint}}))
    return error.status


def _print(text: str) -> None:
    if text:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cudepot-far", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb")
    one = _verb(verbs, "init", _init, "create the project: pin the site's key")
    one.add_argument("keyfile", metavar="KEYFILE", help="public key of the site: its keys/site.asc")
    one.add_argument("--key", default="", metavar="FINGERPRINT", help="the fingerprint it must have")
    one.add_argument("--label", default="site", help="name of the site: lower-case letters, digits, dots")
    one.add_argument("--upstream-key", action="append", default=[], metavar="FINGERPRINT", help="may sign an upstream")
    one.add_argument("--unsigned-upstream", action="append", default=[], metavar="NAME", help="signed only by the site")
    one = _verb(verbs, "check", _check, "check whole volumes, or, without FILE, everything here; change nothing")
    one.add_argument("files", nargs="*", metavar="FILE", help="volumes of one bundle or several")
    one.add_argument("--keyring", default="", metavar="KEYFILE", help="the site's key, if there is no project yet")
    one.add_argument("--key", default="", metavar="FINGERPRINT", help="the fingerprint it must have")
    one = _verb(verbs, "import", _import, "import volumes, in any order")
    one.add_argument("files", nargs="+", metavar="FILE", help="volumes of one bundle or several")
    one = _verb(
        verbs, "publish", _publish, "show the newest complete snapshot, or in each channel what it shows over there"
    )
    one.add_argument("--release-rollback", action="store_true", help="end a rollback")
    one = _verb(verbs, "rollback", _rollback, "show an older snapshot again, as it was signed")
    one.add_argument("number", type=int, metavar="N", help="number of the snapshot")
    one = _verb(verbs, "serve", _serve, "show the site over HTTP until interrupted")
    one.add_argument("site", nargs="?", default="", metavar="SITE", help="folder of a site (default: the project's)")
    one.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (127.0.0.1)")
    one.add_argument("--port", type=int, default=8080, help="port to listen on; 0 takes a free one (8080)")
    _verb(verbs, "status", _status, "show what is here, what is waiting, what was not checked")
    _verb(verbs, "missing", _missing, "print what is missing, as JSON for `cudepot bundle export --want`")
    return parser


def _verb(verbs: Any, name: str, run: Callable[[argparse.Namespace], Answer], help_: str) -> argparse.ArgumentParser:
    one: argparse.ArgumentParser = verbs.add_parser(name, help=help_, description=help_)
    one.set_defaults(run=run)
    one.add_argument("-C", dest="directory", default=".", metavar="FOLDER", help="folder of the project (.)")
    one.add_argument("--json", action="store_true", help="print JSON")
    one.add_argument("-q", "--quiet", action="store_true", help="no progress; only the result and errors")
    return one


def _say(args: argparse.Namespace) -> Callable[[str], None]:
    return lambda text: None if args.quiet or args.json else _note(text)


def _note(text: str) -> None:
    sys.stderr.write(text + "\n")


def _init(args: argparse.Namespace) -> Answer:
    found = init(args.directory, args.keyfile, args.label, args.key, args.upstream_key, args.unsigned_upstream)
    project = open_project(args.directory)
    lines = [f"made {os.path.join(args.directory, 'cudepot.toml')}", f"the site's key: {found}"]
    lines += [] if args.key else ["compare it with the near side's through another channel"]
    lines += [f"may sign upstreams: {one}" for one in project.upstream_keys]
    return {"key": found, "upstream-keys": project.upstream_keys}, [*lines, "next: import FILE..."], 0


def _check(args: argparse.Namespace) -> Answer:
    if not args.files:
        faults = report.rehash(open_project(args.directory))
        return {"faults": faults}, faults or ["all signatures and hashes are good"], 5 if faults else 0
    if not args.keyring:
        return _check_files(args, open_project(args.directory))
    key, data = key_file(args.keyring)
    if args.key and fingerprint(args.key) != key:
        raise ConfigError(f"{args.keyring}: holds {key}, not {args.key}", "ask the near side; do not continue")
    verify = Gpgv([data], [key], "--keyring").detached
    return _checked(args, [open_volume(one, verify) for one in args.files], key)


def _check_files(args: argparse.Namespace, project: Project) -> Answer:
    volumes = opened(project, args.files)
    known = list(waiting_manifests(project.store)[0].values()) + [one.manifest for one in volumes]
    for one in volumes:
        check_lineage(project.store, one.manifest, one.path, known)
    return _checked(args, volumes, project.key)


def _checked(args: argparse.Namespace, volumes: List[Volume], key: str) -> Answer:
    found, lines = [], []
    for one in volumes:
        _say(args)(f"hashing {one.path}")
        for member in one.members:
            for _ in one.chunks(member):
                pass
        base = f"since snapshot {one.manifest.base.number}" if one.manifest.base.number else "from nothing"
        told = f"volume {one.number} of {len(one.manifest.volumes)}, snapshot {one.manifest.number} {base}"
        lines.append(f"{one.path}: {told}: signed by {key}, {len(one.members)} objects are good")
        found.append({"file": one.path, "volume": one.number, "number": one.manifest.number, "signer": key})
    return found, lines, 0


def _import(args: argparse.Namespace) -> Answer:
    project = open_project(args.directory)
    with project.store.locked():
        done = take_in(project, args.files, _say(args))
    told = report.unchecked([project.snapshot(done.imported[-1])]) if done.imported else []
    listed = unlisted(project.channels, told_of(project.store))
    document: Dict[str, Any] = done._asdict()
    for key in ("waiting", "proved", "refused"):
        document[key] = [one._asdict() for one in document[key]]
    return dict(document, unchecked=told), _import_lines(done, told, [listed] if listed else []), 0


def _import_lines(done: Result, told: List[str], lines: List[str]) -> List[str]:
    for one in done.proved:
        signed = f"signed by {', '.join(one.signers)}" if one.signers else "signed by the site only"
        lines.append(f"{one.upstream} ({one.type}): {one.packages} packages, {signed}")
    lines += [show.waiting_line(one) for one in done.waiting]
    for bad in done.refused:
        fate = "it was dropped; to try again, import one of its volumes" if bad.forgotten else "it waits"
        lines.append(f"! snapshot {bad.number} of an earlier bundle was not imported: {bad.why}; {fate}")
    lines += _unchecked_lines(told)
    shown = ", ".join(f"{name} snapshot {number}" for name, number in done.channels.items())
    lines += [f"shown on the near side: {shown}"] if shown else []
    return [*lines, f"{done.objects} new objects; {_ended(done)}"]


def _ended(done: Result) -> str:
    if done.imported:
        return f"imported snapshot {', '.join(map(str, done.imported))}; next: publish"
    if done.channels:
        return "no new snapshot, but channels have moved; next: publish"
    if done.noted:
        return "no new snapshot, but new tags or records of promotions"
    return "no snapshot is complete yet" if done.waiting else "nothing is new"


def _unchecked_lines(told: List[str]) -> List[str]:
    return ["not checked here, unlike by the full cudepot:"] + [f"  - {one}" for one in told] if told else []


def _publish(args: argparse.Namespace) -> Answer:
    project = open_project(args.directory)
    with project.store.locked():
        done = show.publish(project, args.release_rollback)
    held = done["hold"]
    what = "shows" if done["fresh"] or held else "unchanged: shows"
    where = f"{done['site']}: {done['channel']}" if done["channel"] else done["site"]
    lines = [f"{where} {what} snapshot {done['number']}: {done['files']} files, {done['bytes']} bytes"]
    lines += [_hold_line(held)] if held else []
    return done, lines + done["notes"], 0


def _hold_line(held: Dict[str, Any]) -> str:
    return f"rolled back to snapshot {held['number']} since {held['since']}: until `publish --release-rollback`"


def _rollback(args: argparse.Namespace) -> Answer:
    project = open_project(args.directory)
    with project.store.locked():
        done = show.rollback(project, args.number)
    where = f"{done['site']}: {done['channel']}" if done["channel"] else done["site"]
    return done, [f"{where} shows snapshot {done['number']} until `publish --release-rollback`"], 0


def _serve(args: argparse.Namespace) -> Answer:
    site, channels = args.site, ()  # type: str, Tuple[str, ...]
    if not site:
        project = open_project(args.directory)
        site, channels = project.site, project.channels
    found = serve.server(site if channels else os.path.join(site, "current"), args.bind, args.port, channels)
    host, port = found.server_address[:2]
    url = f"http://[{host!s}]:{port}/" if ":" in str(host) else f"http://{host!s}:{port}/"
    _print(json.dumps({"url": url}) if args.json else f"serving {found.root} at {url}")
    if args.bind not in ("127.0.0.1", "::1", "localhost"):
        _note("anyone on the network can read it; there is no TLS")
    with contextlib.suppress(KeyboardInterrupt):
        serve.run(found)
    return None, ["stopped"], 0


def _status(args: argparse.Namespace) -> Answer:
    found = show.status(open_project(args.directory))
    lines = [f"site key: {found['site-key']}"]
    lines.append(f"snapshots: {', '.join(map(str, found['snapshots'])) or 'none'}; shown: {found['shown'] or 'none'}")
    lines += [f"{name}: {f'snapshot {one}' if one else 'nothing yet'}" for name, one in found["channels"].items()]
    lines += [f"tags: {', '.join(f'{name} ({one})' for name, one in found['tags'].items())}"] if found["tags"] else []
    lines += [_hold_line(found["hold"])] if found["hold"] else []
    lines += found["notes"]
    lines += [f"! {found['missing']} objects are missing here: see `missing`"] if found["missing"] else []
    lines += [f"! {found['fault']}"] if found["fault"] else []
    lines += _unchecked_lines(found["unchecked"])
    lines += [f"next: {found['next']}"] if found["next"] else []
    return found, lines, 5 if found["fault"] else 0


def _missing(args: argparse.Namespace) -> Answer:
    document = report.missing(open_project(args.directory))
    return document, json.dumps(document, indent=1).splitlines(), 0

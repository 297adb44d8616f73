"""``cudepot client``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cudepot.cli.client_operator import add_gpu_operator, gpu_operator
from cudepot.cli.common import add_channel, add_common, channel_meant, check_url, reached
from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.catalog.site.choice import Choice
    from cudepot.depot.depot import Depot
    from cudepot.kinds.apt.client import ClientResult
    from cudepot.kinds.yum.client import DnfResult

NAME = "client"
HELP = "write ready-made configuration for the site's clients"
DESCRIPTION = """\
Write what a client of the site needs, for the snapshot that is shown. `client apt` writes the source, the pin file,
preferences that hold exactly the locked versions, and a keyring package that installs key and source. `client dnf`
writes the .repo file, keys, and versionlock entries or excludes; for rhel7, those of its yum. Both write a folder for
each distribution; if a package is locked for several CUDA versions, --cuda or --only chooses the one clients hold.
With --environment they write one configuration for all repositories of an environment, limited to its packages.
`client conda`, `client mamba` and `client pixi` make these tools use the site's channel, and `client pip` makes pip,
uv, pdm, pipenv and poetry use its index, on machines that see only the site. `client gpu-operator` writes the
ConfigMap with which the GPU Operator's driver container installs from the site. `client windows` writes a PowerShell
script that installs one cuDNN from the conda channel, the wheel index or NVIDIA's zip.
"""
_LIST = "versionlock"
_CHANNEL_TOOLS = {
    "conda": "a .condarc with only the site's channel",
    "mamba": "a .mambarc with only the site's channel, also for micromamba",
    "pixi": "a config.toml with the site's channel, and with the site as mirror of the channels it mirrors",
}
_CREATE = "{tool} create -n NAME"
_STEPS = {
    "conda": (
        f"on the client: copy etc/ to / (Windows: to C:\\ProgramData\\conda), then {_CREATE} cudnn",
        f"without it: {_CREATE} --override-channels -c {{channel}} cudnn",
    ),
    "mamba": (
        f"on the client: copy etc/ to /, log in again for MAMBARC, then {_CREATE} cudnn",
        f"without it: {_CREATE} --override-channels -c {{channel}} cudnn",
    ),
    "pixi": (
        "on the client: copy etc/ to / (Windows: to C:\\ProgramData\\pixi); manifests and lock files are not changed",
        "a new workspace: pixi init; without the file: pixi init -c {channel}",
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the kinds of client and their options."""
    kinds = parser.add_subparsers(title="clients", metavar="CLIENT", required=True)
    apt = _kind(kinds, "apt", "Debian and Ubuntu", _apt)
    _add_repositories(apt)
    apt.add_argument(
        "--hold-back-cuda-keyring",
        action="store_true",
        help="keep NVIDIA's cuda-keyring from enabling NVIDIA's own URL, which clients may not reach",
    )
    _add_choice(apt)
    dnf = _kind(kinds, "dnf", "RHEL, Fedora and others; yum of rhel7", _dnf)
    _add_repositories(dnf)
    dnf.add_argument(
        "--hold",
        choices=(_LIST, "excludes"),
        default=_LIST,
        help="how the locked versions are held: a list for the versionlock plugin (default), or excludes for dnf.conf",
    )
    _add_choice(dnf)
    for name, text in _CHANNEL_TOOLS.items():
        tool = _kind(kinds, name, text, _channel)
        tool.set_defaults(tool=name)
        also = "a channel to use after the site's; may be repeated"
        tool.add_argument("--also", action="append", default=[], metavar="URL", help=also)
        tool.add_argument("--environment", default="", metavar="NAME", help="only the channel of this environment")
    pip = _kind(kinds, "pip", "only the site's index, for pip, uv, pdm, pipenv and poetry", _pip)
    pip.add_argument("--environment", default="", metavar="NAME", help="only the index of this environment")
    add_gpu_operator(_kind(kinds, "gpu-operator", "Kubernetes: repositories for the driver container", gpu_operator))
    _add_choice(_kind(kinds, "windows", "a PowerShell script: conda, wheel or zip", _windows))


def _kind(kinds: Any, name: str, text: str, write: Callable[[argparse.Namespace, Depot, Path], Answer]) -> Any:
    """Declare one kind of client with what all of them take."""
    kind = kinds.add_parser(name, help=text)
    text = "URL where clients reach site/current (default: `url` of [site], or a bucket's `public-url`)"
    kind.add_argument("--url", default="", metavar="URL", help=text)
    kind.add_argument("--output", default="clients", metavar="DIR", help="folder for the files (default: clients)")
    add_channel(kind)
    kind.set_defaults(write=write)
    add_common(kind, default=argparse.SUPPRESS)
    return kind


def _add_repositories(kind: argparse.ArgumentParser) -> None:
    kind.add_argument("upstreams", nargs="*", metavar="UPSTREAM", help="upstreams whose repositories the client uses")
    text = "all repositories of this environment instead, but only its packages"
    kind.add_argument("--environment", default="", metavar="NAME", help=text)


def _check_repositories(args: argparse.Namespace) -> None:
    """Raise ConfigError unless either upstreams or an environment are named, and nothing that only the first have."""
    if bool(args.upstreams) == bool(args.environment):
        raise ConfigError("expected names of upstreams, or --environment NAME", hint="`cudepot upstreams` lists them")
    if args.environment and (args.cuda or args.only or getattr(args, "hold", _LIST) != _LIST):
        raise ConfigError("--environment uses exactly what is locked", hint="omit --cuda, --only and --hold")


def _add_choice(kind: argparse.ArgumentParser) -> None:
    """Declare what says which packages a client is held to, where the site has several versions of one."""
    kind.add_argument("--cuda", default="", metavar="VERSION", help="only packages for this CUDA: 12, 11.1")
    kind.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME[=VERSION]",
        help="only this and its dependencies; may be repeated",
    )


def _choice(args: argparse.Namespace, platform: str = "") -> Choice:
    from cudepot.catalog.site.choice import Choice

    return Choice(platform, args.cuda, "", tuple(args.only))


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    with opened(args, exclusive=False) as depot:
        channel = channel_meant(args.channel, depot.config.site)
        args.url = reached(args.url, depot.config.site, channel)
        answer: Answer = args.write(args, depot.in_channel(channel), depot.base / Path(args.output))
    return answer


def _apt(args: argparse.Namespace, depot: Depot, output: Path) -> Answer:
    from cudepot.kinds.apt.client import client_apt_files

    _check_repositories(args)
    if args.environment:
        return _apt_environment(args, depot, output)
    hold_back = args.hold_back_cuda_keyring
    results = client_apt_files(
        depot, args.upstreams, url=args.url, output=output, hold_back=hold_back, choice=_choice(args)
    )
    return _apt_answer(results)


def _apt_environment(args: argparse.Namespace, depot: Depot, output: Path) -> Answer:
    from cudepot.kinds.apt.client_environment import client_environment

    hold_back = args.hold_back_cuda_keyring
    made = client_environment(depot, args.environment, url=args.url, output=output, hold_back=hold_back)
    return _apt_answer([made])


def _apt_answer(results: Sequence[ClientResult]) -> Answer:
    lines: list[str] = []
    for one in results:
        lines += _written(one.folder, one.files, one.replaced)
        lines.append(f"for snapshot {one.number}, signed by {one.fingerprint}")
        lines.append(f"on the client: dpkg -i {one.package}; copy etc/apt/preferences.d; apt-get update")
    return _answer([asdict(one) for one in results]), lines, 0


def _dnf(args: argparse.Namespace, depot: Depot, output: Path) -> Answer:
    from cudepot.kinds.yum.client import client_dnf_files

    _check_repositories(args)
    if args.environment:
        return _dnf_environment(args, depot, output)
    results = client_dnf_files(
        depot, args.upstreams, url=args.url, output=output, holding=args.hold, choice=_choice(args)
    )
    return _dnf_answer(results)


def _dnf_environment(args: argparse.Namespace, depot: Depot, output: Path) -> Answer:
    from cudepot.kinds.yum.client_environment import client_environment

    return _dnf_answer([client_environment(depot, args.environment, url=args.url, output=output)])


def _dnf_answer(results: Sequence[DnfResult]) -> Answer:
    lines: list[str] = []
    for one in results:
        lines += _written(one.folder, one.files, one.replaced)
        lines += [f"{name}: metadata is unsigned, so dnf cannot check it" for name in one.unsigned]
        lines += [
            f"{name}: no key for its packages: dnf checks them by the hashes in the metadata" for name in one.unchecked
        ]
        steps = f"copy etc/ to /, {one.merge}, then" if one.merge else "copy etc/ to /, then"
        lines.append(f"for snapshot {one.number}; on the client: {steps} {one.install}")
    return _answer([asdict(one) for one in results]), lines, 0


def _written(folder: str, files: Sequence[str], replaced: Sequence[str]) -> list[str]:
    return [f"{folder}/{name}{' (replaced)' if name in replaced else ''}" for name in files]


def _answer(clients: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what was written for each distribution; where it is one, it can be read without the list as well."""
    return {**(clients[0] if len(clients) == 1 else {}), "clients": clients}


def _channel(args: argparse.Namespace, depot: Depot, output: Path) -> Answer:
    from cudepot.kinds.conda.client import client_conda_files

    for one in args.also:
        check_url(one)
    result = client_conda_files(
        depot.config, depot.history, depot.site(), tool=args.tool, url=args.url, output=output, also=args.also,
        environment=args.environment,
    )  # fmt: skip
    lines = [f"{result.folder}/{name}" for name in result.files]
    lines += [one.format(tool=args.tool, channel=result.channel) for one in _STEPS[args.tool]]
    return asdict(result), lines, 0


def _pip(args: argparse.Namespace, depot: Depot, output: Path) -> Answer:
    from cudepot.kinds.wheels.client import client_pip_files

    result = client_pip_files(
        depot.config, depot.history, depot.site(), url=args.url, output=output, environment=args.environment
    )
    return asdict(result), [*(f"{result.folder}/{name}" for name in result.files), "on the client: copy etc/ to /"], 0


def _windows(args: argparse.Namespace, depot: Depot, output: Path) -> Answer:
    from cudepot.workflows.export.windows_script import client_windows_file

    path, client, replaced, notes = client_windows_file(depot, url=args.url, output=output, choice=_choice(args))
    for note in notes:
        depot.progress.say(note)
    what = f"cuDNN {client.cudnn} for CUDA {client.cuda} by " if client.cudnn else ""
    lines = [
        f"{path}{' (replaced)' if replaced else ''}",
        f"for snapshot {client.number}: {what}{', '.join(client.forms)}",
    ]
    lines.append(f"on the client: powershell -ExecutionPolicy Bypass -File {path.name} -From {client.forms[0]}")
    return {"file": str(path), "forms": client.forms, "notes": notes, **asdict(client)}, lines, 0

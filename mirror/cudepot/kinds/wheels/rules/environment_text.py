"""An environment as files for pip and uv: hashed requirements for each target, ``pylock.toml`` for all. Pure.

Formats: pip's requirements file, PEP 751.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote

import tomli_w
from packaging.utils import canonicalize_name

from cudepot.catalog.ecosystems import WHEELS
from cudepot.catalog.lock import Artifact, LockedEnvironment, LockedTarget
from cudepot.catalog.solution.exported import Exported
from cudepot.catalog.solution.graph import files_of
from cudepot.errors import PinError
from cudepot.kinds.rules.command_lines import command
from cudepot.kinds.wheels.rules.members import index_of, target_of
from cudepot.kinds.wheels.rules.target import marker


def commands(environment: LockedEnvironment, target: LockedTarget, url: str) -> dict[str, str]:
    """Return how pip and uv install what an environment asks for; ``url`` is the site's, without a slash."""
    index, name, asked = f"'{url}/{index_of(environment.name)}'", environment.name, [*environment.roots, *target.roots]
    return {
        "pip": f"python3 -m venv {name}\n"
        + command(f"{name}/bin/python -m pip install --isolated --index-url {index}", asked),
        "uv": f"uv venv --no-config {name}\n"
        + command(f"uv pip install --no-config --python {name} --default-index {index}", asked),
    }


class _Package(NamedTuple):
    """A project in one version, as an installer tells packages apart."""

    name: str
    version: str


def texts(site: Exported, environment: LockedEnvironment) -> Mapping[str, str]:
    """Return file name → text: of each target its requirements, and ``pylock.NAME.toml`` for all of them.

    Raises:
        PinError: the targets differ in nothing that ``pylock.toml`` can tell apart, and in what they get.
    """
    found = {
        f"{environment.name}-{one.name}.txt": requirements(site, environment.name, one) for one in environment.targets
    }
    return found | {f"pylock.{environment.name.replace('.', '-')}.toml": pylock(site, environment)}


def requirements(site: Exported, name: str, target: LockedTarget) -> str:
    """Return the requirements of a target: every version exact, every file by hash, so that pip takes no other."""
    about = ", ".join(f"{key} {value}" for key, value in target.fields if value)
    lines = [
        f"# snapshot {site.number} of {site.label}: environment {name} for {about}",
        f"--index-url {site.url}/{index_of(name)}",
        "--require-hashes",
    ]
    for member, one in files_of(target, site.artifacts).items():
        condition = f" ; {member.marker}" if member.marker else ""
        lines.append(f"{_name(one)}=={one.version}{condition} --hash=sha256:{one.digest.sha256}")
    return "\n".join([*lines, ""])


def pylock(site: Exported, environment: LockedEnvironment) -> str:
    """Return ``pylock.toml`` for all targets: which versions and wheels are for which machines.

    Raises:
        PinError: as for :func:`texts`.
    """
    machines = list(dict.fromkeys(marker(target_of(one)) for one in environment.targets))
    where: dict[_Package, dict[str, None]] = {}
    wheels: dict[_Package, dict[str, Artifact]] = {}
    for target in environment.targets:
        for member, one in files_of(target, site.artifacts).items():
            package, machine = _Package(_name(one), one.version), marker(target_of(target))
            where.setdefault(package, {})[f"{machine} and ({member.marker})" if member.marker else machine] = None
            wheels.setdefault(package, {})[one.filename] = one
    _check_apart(where)
    index = f"{site.url}/{index_of(environment.name)}"
    packages = [
        {"name": one.name, "version": one.version}
        | ({} if list(where[one]) == machines else {"marker": " or ".join(where[one])})
        | {"index": index, "wheels": list(_wheels(site, files))}
        for one, files in sorted(wheels.items())
    ]
    return tomli_w.dumps(
        {"lock-version": "1.0", "environments": machines, "created-by": "cudepot", "packages": packages}
    )


def _check_apart(where: Mapping[_Package, Mapping[str, None]]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for one, machines in where.items():
        for machine in machines:
            other = seen.setdefault((one.name, machine), one.version)
            if other != one.version:
                raise PinError(
                    f"pylock.toml cannot express for which machines {one.name} is {other} or {one.version}: "
                    "markers cannot "
                    "tell its targets apart",
                    hint="export one of them: --target",
                )


def _wheels(site: Exported, files: Mapping[str, Artifact]) -> Iterator[dict[str, object]]:
    for name, one in sorted(files.items()):
        yield {
            "name": name,
            "url": f"{site.url}/{WHEELS.room}/{quote(name)}",
            "size": one.digest.size,
            "hashes": {"sha256": one.digest.sha256},
        }


def _name(one: Artifact) -> str:
    return str(canonicalize_name(one.name))

"""A question for the real apt: what would it install of the same packages? Its files as text, and its answer. Pure.

apt gets what was looked at while the environment was resolved, every version of it, as a repository for each upstream.
Sources: apt_preferences(5), apt.conf(5), and the names of files in ``/var/lib/apt/lists``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cudepot.formats.apt import Package, render_packages
from cudepot.kinds.apt.rules.resolve_debs import Root
from cudepot.kinds.apt.rules.union import Name, Union

_INST = re.compile(
    r"Inst (?P<name>[^\s:]+)(?::(?P<foreign>\S+))? (?:\[[^]]*\] )?"
    r"\((?P<version>\S+) .*\[(?P<architecture>[a-z0-9-]+)\]\)"
)
_MADE = "Thu, 01 Jan 1970 00:00:00 UTC"
_KEPT = 1001
FOLDERS = (
    "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/trusted.gpg.d",
    "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg", "var/log/apt",
)  # fmt: skip


class Question(NamedTuple):
    """What apt is asked.

    Attributes:
        union: what there is.
        installed: what the machine has before.
        origins: name or glob → the one repository that may have such packages.
        recommends: whether recommendations are followed.
    """

    union: Union
    installed: Sequence[Package]
    origins: Sequence[tuple[str, str]]
    recommends: bool


def files(question: Question, root: str) -> dict[str, bytes]:
    """Return apt's files, path below ``root`` → content."""
    union = question.union
    found = {
        "apt.conf": _configuration(union, root, recommends=question.recommends),
        "etc/apt/preferences.d/cudepot": _preferences(question),
        "var/lib/dpkg/status": b"\n".join(_status(one) for one in question.installed),
    }
    sources = []
    for number, offering in enumerate(union.offerings):
        stanzas = [one for index in offering.indexes for one in index.raw(union.looked)]
        if not stanzas:  # apt takes an empty index for a broken one
            continue
        sources.append(b"deb [trusted=yes] file:/%d/ /\n" % number)
        place = f"var/lib/apt/lists/_{number}_"
        found[f"{place}Packages"] = b"".join(one + b"\n\n" for one in stanzas)
        found[f"{place}Release"] = f"Label: {_label(number)}\nSuite: {_label(number)}\nDate: {_MADE}\n".encode()
    found["etc/apt/sources.list.d/cudepot.list"] = b"".join(sources)
    return found


def _label(number: int) -> str:
    return f"cudepot-{number}"


def _configuration(union: Union, root: str, *, recommends: bool) -> bytes:
    machines = " ".join(f'"{one}";' for one in (union.machine.native, *union.machine.foreign))
    return (
        f'Dir "{root}";\nDir::State::status "{root}/var/lib/dpkg/status";\n'
        f'APT::Architecture "{union.machine.native}";\nAPT::Architectures {{ {machines} }};\n'
        f'APT::Sandbox::User "";\nAcquire::Languages "none";\nDebug::NoLocking "true";\n'
        f'APT::Install-Recommends "{str(recommends).lower()}";\nAPT::Get::AllowUnauthenticated "true";\n'
        f'APT::Get::Show-User-Simulation-Note "false";\nAPT::Cache-Start "100000000";\n'
    ).encode()


def _preferences(question: Question) -> bytes:
    union = question.union
    numbers = {one.name: number for number, one in enumerate(union.offerings)}
    records = [(name, f"version {version}", _KEPT) for (name, _), (version, _) in union.choice.kept.items()]
    exact = sorted(question.origins, key=lambda one: any(sign in one[0] for sign in "*?["))
    records += [
        (glob, f"release l={_label(number)}", -1)
        for glob, owner in exact
        for name, number in numbers.items()
        if name != owner
    ]
    records += [("*", f"release l={_label(numbers[one.name])}", one.priority) for one in union.offerings]
    return "\n".join(f"Package: {name}\nPin: {pin}\nPin-Priority: {at}\n" for name, pin, at in records).encode()


def _status(package: Package) -> bytes:
    left = {key: value for key, value in package.fields.items() if key not in ("Filename", "Size", "SHA256")}
    fields = {"Package": package.name, "Status": "install ok installed", **left}
    fields |= {"Architecture": package.architecture, "Version": package.version}
    fields.setdefault("Maintainer", "-")
    fields.setdefault("Description", "-")
    return render_packages([fields])


def asked(roots: Iterable[Root], chosen: Mapping[Name, Package], native: str) -> list[str]:
    """Return what is asked for as apt takes it: of a version that is a glob the one that was chosen."""
    found = []
    for one in roots:
        package = chosen.get((one.name, one.architecture or native))
        version = f"={package.version}" if one.version and package else ""
        found.append(f"{one.name}:{one.architecture}{version}" if one.architecture else f"{one.name}{version}")
    return found


def answer(text: str) -> dict[tuple[str, str], str]:
    """Return name and architecture → version of what a simulation says it installs."""
    found = (_INST.match(line) for line in text.splitlines())
    return {(one["name"], one["foreign"] or one["architecture"]): one["version"] for one in found if one}


def differences(theirs: Mapping[tuple[str, str], str], packages: Iterable[Package]) -> list[str]:
    """Return a line for each package that apt would not install, or in another version, and for each it would."""
    ours = {(one.name, one.architecture): one.version for one in packages}
    lines = []
    for name in sorted({*ours, *theirs}):
        mine, other = ours.get(name, ""), theirs.get(name, "")
        if mine != other:
            here = f"{mine} here" if mine else "not here"
            lines.append(f"{name[0]}: {here}, {other} by apt" if other else f"{name[0]}: {here}, not by apt")
    return lines

"""The machines an environment is for, as conda's solvers see them: virtual packages (CEP 30). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cudepot.catalog.config.environments import Environment
from cudepot.catalog.lock import LockedTarget

_ARCHITECTURES = {"64": "x86_64", "aarch64": "aarch64", "ppc64le": "ppc64le"}
_LINUX = "5.10"
"""Version of the kernel that is assumed: that of the oldest distributions NVIDIA's drivers still run on."""


def targets_of(environment: Environment) -> Iterator[LockedTarget]:
    """Give the targets, without members: one a platform, with a driver where the environment says for which CUDA."""
    for platform in environment.platforms:
        fields = {
            "platform": platform,
            "glibc": environment.glibc if platform.startswith("linux") else "",
            "cuda": environment.cuda,
        }
        name = f"{platform}-cuda{environment.cuda}" if environment.cuda else platform
        yield LockedTarget(name, tuple((key, value) for key, value in fields.items() if value), ())


def virtual_packages(target: LockedTarget) -> dict[str, tuple[str, str]]:
    """Return the virtual packages of a target's machines: name → version and build."""
    fields: Mapping[str, str] = dict(target.fields)
    system, _, machine = fields["platform"].partition("-")
    found = {"__archspec": ("1", _ARCHITECTURES.get(machine, machine))}
    if system == "linux":
        found |= {"__unix": ("0", "0"), "__linux": (_LINUX, "0"), "__glibc": (fields["glibc"], "0")}
    else:
        found |= {f"__{system}": ("0", "0")}
    return found | ({"__cuda": (fields["cuda"], "0")} if "cuda" in fields else {})

"""Pins for pip and uv: ``pylock.toml``, hashed ``requirements.txt``, uv's sources with an explicit index. Pure.

Formats: PEP 751, pip's requirements file, uv's ``[tool.uv]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import tomli_w
from packaging.utils import canonicalize_name
from packaging.version import Version

from cudepot.catalog.ecosystems import HeldKind
from cudepot.catalog.site.holdings import Held, SiteFacts
from cudepot.errors import PinError
from cudepot.kinds.rules.client_choice import how, variants

_VARIANT = re.compile(r"-cu\d+$")


def pylock(site: SiteFacts, url: str) -> str:
    """Return ``pylock.toml``: every wheel by URL, size and hash; installers take what fits their platform."""
    packages = [
        {
            "name": name,
            "version": wheels[0].version,
            "index": f"{url}/simple/",
            "wheels": [_wheel(one, url) for one in wheels],
        }
        for name, wheels in _projects(site)
    ]
    return tomli_w.dumps({"lock-version": "1.0", "created-by": "cudepot", "packages": packages})


def _wheel(one: Held, url: str) -> dict[str, object]:
    hashes = {"sha256": one.digest.sha256}
    return {"name": one.path.rpartition("/")[2], "url": one.url(url), "size": one.digest.size, "hashes": hashes}


def requirements(site: SiteFacts, url: str) -> str:
    """Return a requirements file with hashes: pip then refuses all that is not in it."""
    lines = [f"# snapshot {site.number} of {site.label}", f"--index-url {url}/simple/", "--require-hashes"]
    for name, wheels in _projects(site):
        hashes = " ".join(f"--hash=sha256:{one}" for one in sorted({wheel.digest.sha256 for wheel in wheels}))
        lines.append(f"{name}=={wheels[0].version} {hashes}")
    return "\n".join([*lines, ""])


def uv(site: SiteFacts, url: str) -> str:
    """Return a fragment of ``pyproject.toml``: these projects from this index only, and nothing else from it.

    They are a dependency group, since uv heeds sources only for what a project depends on itself.
    """
    projects = list(_projects(site))
    table = {
        "sources": {name: {"index": site.label} for name, _ in projects},
        "index": [{"name": site.label, "url": f"{url}/simple/", "explicit": True}],
    }
    groups = {site.label: [f"{name}=={wheels[0].version}" for name, wheels in projects]}
    text = tomli_w.dumps({"dependency-groups": groups, "tool": {"uv": table}})
    return f"# snapshot {site.number} of {site.label}; uv sync --group {site.label}\n{text}"


def one_version(held: Iterable[Held]) -> dict[str, list[Held]]:
    """Return the wheels of each project; there has to be one version each, and one of those that write the same files.

    Raises:
        PinError: there are several.
    """
    projects: dict[str, list[Held]] = {}
    for one in sorted(held, key=lambda one: (one.name, one.path)):
        projects.setdefault(canonicalize_name(one.name), []).append(one)
    _one_cuda(projects)
    for name, found in projects.items():
        if len({one.version for one in found}) > 1:
            versions = sorted({one.version for one in found}, key=Version)
            cudas = variants({one.name: versions for one in found}, found)
            raise PinError(
                f"several versions of {name}: {', '.join(versions)}",
                hint=f"choose one with {how(name, versions, cudas)}",
            )
    return projects


def _one_cuda(names: Iterable[str]) -> None:
    variants: dict[str, list[str]] = {}
    for name in sorted(names):
        variants.setdefault(_VARIANT.sub("", name), []).append(name)
    for several in variants.values():
        if len(several) > 1:
            raise PinError(
                f"{' and '.join(several)} contain the same files: an environment can have only one of them",
                hint="choose a CUDA with --cuda VERSION",
            )


def _projects(site: SiteFacts) -> Iterator[tuple[str, Sequence[Held]]]:
    """Give each project with its wheels; one version each."""
    yield from one_version(site.of(HeldKind.WHEEL)).items()

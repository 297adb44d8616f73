"""``cudepot client gpu-operator``: what the GPU Operator's driver container needs to install from the site."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.lock import Lock, LockedEnvironment
from cudepot.depot.depot import Depot
from cudepot.depot.snapshots import lock_of, shown_snapshot
from cudepot.errors import ConfigError
from cudepot.kinds.registry import solves_of
from cudepot.user_files import write_user_files
from cudepot.workflows.export.gpu_operator_text import MAP, VALUES, Operator, config_map, files_of_map, values

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # DNS label, RFC 1123
_KEY = re.compile(r"[A-Za-z0-9._-]{1,253}")


class OperatorFiles(NamedTuple):
    """What was written: folder, files, snapshot, the files that the ConfigMap mounts and where."""

    folder: str
    files: tuple[str, ...]
    number: int
    mounted: tuple[str, ...]
    mounted_at: str
    replaced: tuple[str, ...]


def gpu_operator_files(
    depot: Depot, name: str, *, url: str, output: Path, operator: Operator, empty: Sequence[str] = ()
) -> OperatorFiles:
    """Write ConfigMap and chart values for an environment into a folder of its name.

    Args:
        depot: the depot.
        name: of the environment.
        url: where the nodes reach ``site/current``.
        output: folder the folder goes into; made when missing.
        operator: namespace, and name of the ConfigMap.
        empty: repositories of the container that are replaced by empty files, because it cannot reach them.

    Raises:
        ConfigError: nothing is published yet, the site shows no such environment, or a name is none to Kubernetes.
    """
    _check(operator, empty)
    snapshot = shown_snapshot(depot.history, depot.site())
    lock, base = lock_of(depot.store, snapshot), url if url.endswith("/") else url + "/"
    environment = _environment(lock, name)
    client = solves_of(environment).client_files(depot, lock, snapshot.tree, environment, base)
    folder, texts = files_of_map(client, empty)
    made = {
        MAP: config_map(operator, texts, _notes(environment, snapshot.number, base)),
        VALUES: values(operator, folder),
    }
    replaced = write_user_files(output / name, made)
    return OperatorFiles(str(output / name), tuple(made), snapshot.number, tuple(sorted(texts)), folder, replaced)


def _check(operator: Operator, empty: Sequence[str]) -> None:
    for one in operator:
        if not _NAME.fullmatch(one):
            raise ConfigError(f"{one!r} is not a Kubernetes name", hint="lower-case letters, digits and '-'")
    if strange := [one for one in empty if not _KEY.fullmatch(one)]:
        raise ConfigError(f"{strange[0]!r} is not a file name", hint="--empty cuda.repo: without a folder")


def _environment(lock: Lock, name: str) -> LockedEnvironment:
    found = [one for one in lock.environments if one.name == name]
    system = [one for one in found if "distribution" in dict(one.targets[0].fields)]
    if not system:
        there = [one.name for one in lock.environments if "distribution" in dict(one.targets[0].fields)]
        raise ConfigError(
            f"the site has no environment {name!r} of debs or rpms", hint=f"it has {', '.join(there) or 'none'}"
        )
    return system[0]


def _notes(environment: LockedEnvironment, number: int, url: str) -> list[str]:
    fields: Mapping[str, str] = dict(environment.targets[0].fields)
    return [
        f"repositories of environment {environment.name} ({fields['distribution']}) at {url}, snapshot {number}",
        f"it was made for: {' '.join(environment.roots)}",
    ]

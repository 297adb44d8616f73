"""Tells such files apart, and reads each as what it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cudepot.catalog.config.config import SUBDIRS
from cudepot.errors import ConfigError
from cudepot.kinds.rules.conda_files.asked import FileAsked, Line, everywhere
from cudepot.kinds.rules.conda_files.conda_lock import asked_by_conda_lock
from cudepot.kinds.rules.conda_files.environment_yml import asked_by_environment
from cudepot.kinds.rules.conda_files.explicit import asked_by_explicit, is_explicit
from cudepot.kinds.rules.conda_files.pixi_lock import asked_by_pixi_lock
from cudepot.kinds.rules.conda_files.pixi_toml import asked_by_pixi
from cudepot.kinds.rules.conda_files.urls import marked
from cudepot.kinds.rules.conda_files.yaml_tree import read_yaml

_HINT = "match specs go into `conda`, pip requirements into `requirements`"
_NONE = "an environment.yml, a conda-lock.yml, a pixi.lock, a pixi.toml or an explicit file"


def read_file(name: str, data: bytes, chosen: Sequence[str], platforms: Sequence[str]) -> FileAsked:
    """Return what a file asks for.

    Args:
        name: of the file, for messages; ``.toml`` at its end says that it is pixi's manifest.
        data: its bytes.
        chosen: what of it is asked for: an environment of pixi's, categories of conda-lock's.
        platforms: it is asked for.

    Raises:
        ConfigError: it is none of these; what cannot be read is told with its line.
    """
    if name.endswith(".toml"):
        return asked_by_pixi(name, data, chosen, platforms)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8: {error}", hint="save it as UTF-8") from error
    if is_explicit(text):
        _check_whole(name, chosen)
        return asked_by_explicit(name, text)
    root = read_yaml(name, data)
    keys = root.mapping() if isinstance(root.value, dict) else {}
    if "environments" in keys and "packages" in keys:
        return asked_by_pixi_lock(root, chosen)
    if "package" in keys and "metadata" in keys:
        return asked_by_conda_lock(root, chosen)
    if "dependencies" in keys:
        _check_whole(name, chosen)
        return asked_by_environment(root, data)
    raise ConfigError(f"{name}: not {_NONE}", hint=_HINT)


def _check_whole(name: str, chosen: Sequence[str]) -> None:
    if chosen:
        hint = "only pixi's files have environments, and conda-lock's categories"
        raise ConfigError(f"{name}[{','.join(chosen)}]: such a file has no parts", hint=hint)


def lines_for_pip(name: str, data: bytes, chosen: Sequence[str]) -> Iterator[Line]:
    """Give what a file wants of wheels, as lines of requirements; raise ConfigError as :func:`read_file` does."""
    found = read_file(name, data, chosen, SUBDIRS)
    for one in everywhere(found.pip, SUBDIRS):
        if text := marked(one):
            yield Line(text, one.where)

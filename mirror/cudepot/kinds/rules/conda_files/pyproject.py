"""``pyproject.toml`` with ``[tool.pixi]``: read as the ``pixi.toml`` it stands for, as pixi itself does.

Source: pixi's documentation of ``pyproject.toml``: ``requires-python`` is the version of Python unless one is among the
dependencies; ``dependencies`` of the project come from an index of wheels; extras and dependency groups are features.
"""

from __future__ import annotations

from collections.abc import Iterator

from cudepot.errors import ConfigError
from cudepot.kinds.rules.conda_files.asked import Line
from cudepot.kinds.rules.toml_file import Table, TomlFile

_NAME = "pyproject.toml"


def is_pyproject(name: str) -> bool:
    """Return whether a file is a ``pyproject.toml`` by its name."""
    return name.rpartition("/")[2] == _NAME


def manifest_of(file: TomlFile) -> Table:
    """Return what would be a ``pixi.toml``; raise ConfigError where the file is not pixi's.

    Features that are the project's extras and groups have nothing in them: that is of the wheels.
    """
    tool, project = file.root.get("tool", {}).get("pixi"), file.root.get("project", {})
    if not isinstance(tool, dict):
        hint = "a project's wheels are given in `requirements`; conda packages belong in [tool.pixi]"
        raise ConfigError(f"{file.name}: no [tool.pixi]", hint=hint)
    groups = {**project.get("optional-dependencies", {}), **file.root.get("dependency-groups", {})}
    python = "".join(str(project.get("requires-python", "")).split())
    return {
        **tool,
        "dependencies": {**({"python": python} if python else {}), **tool.get("dependencies", {})},
        "feature": {**{name: {} for name in groups}, **tool.get("feature", {})},
    }


def project_wheels(file: TomlFile) -> Iterator[Line]:
    """Give what the project itself wants of wheels; its extras are for ``requirements`` to name."""
    for text in file.root.get("project", {}).get("dependencies", ()):
        yield Line(str(text), file.at(str(text)))

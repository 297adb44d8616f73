"""What rpms require and provide, as libsolv has it."""

from __future__ import annotations

from typing import Any

from cudepot.formats.primary import Relation

_FLAGS = {"=": "REL_EQ", "<": "REL_LT", ">": "REL_GT"}


def capability(solv: Any, pool: Any, relation: Relation) -> Any:
    """Return a relation as a dependency of a pool, rich ones included.

    Args:
        solv: the module.
        pool: its ``Pool``.
        relation: as the metadata has it.
    """
    if relation.name.startswith("("):
        return pool.parserpmrichdep(relation.name)
    dep = pool.Dep(relation.name)
    if not relation.operator:
        return dep
    flags = 0
    for sign in relation.operator:
        flags |= getattr(solv, _FLAGS[sign])
    return dep.Rel(flags, pool.Dep(relation.evr))

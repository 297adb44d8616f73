"""How the wheels of environments are resolved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cudepot.catalog.config.environments import Environment, Wants
from cudepot.catalog.fields import Table
from cudepot.kinds.kind import EnvironmentWords, PlainSolves, Solved, Solving

if TYPE_CHECKING:
    from cudepot.catalog.lock import Artifact, Lock, LockedEnvironment, LockedTarget
    from cudepot.catalog.site.snapshot import Tree
    from cudepot.catalog.solution.exported import Exported
    from cudepot.catalog.solution.graph import Graph
    from cudepot.depot.depot import Depot
    from cudepot.store.local import LocalStore


class _Solves(PlainSolves):
    words = EnvironmentWords("wheels", owner="indexes", usual="pypi", needed=("python",))

    def parse(self, table: Table, environment: Environment) -> Wants | None:
        from cudepot.kinds.wheels.environment import parse_wanted  # noqa: PLC0415

        return parse_wanted(table, environment)

    def solve(self, asking: Solving) -> Solved:
        from cudepot.kinds.wheels.solve import solve  # noqa: PLC0415

        return solve(asking)

    def remake(self, depot: Depot, lock: Lock, lost: Sequence[Artifact]) -> None:
        from cudepot.kinds.wheels.sdist_rebuild import remake_all  # noqa: PLC0415

        remake_all(depot, lock, lost)

    def name_of(self, text: str) -> str:
        from cudepot.formats.simple import project_name  # noqa: PLC0415

        return project_name(text)

    def graph(self, environment: LockedEnvironment, target: LockedTarget, files: Iterable[Artifact]) -> Graph:
        from cudepot.kinds.wheels.rules.graph import solution_graph  # noqa: PLC0415

        return solution_graph(environment, target, files)

    def index(self, environment: str) -> str:
        from cudepot.kinds.wheels.rules.members import index_of  # noqa: PLC0415

        return index_of(environment)

    def prove(self, store: LocalStore, environment: LockedEnvironment, tree: Tree) -> tuple[str, ...]:
        from cudepot.kinds.wheels.prove import prove  # noqa: PLC0415

        return prove(store, environment, tree)

    def export(self, site: Exported, environment: LockedEnvironment) -> Mapping[str, str]:
        from cudepot.kinds.wheels.rules.environment_text import texts  # noqa: PLC0415

        return texts(site, environment)

    def commands(self, environment: LockedEnvironment, target: LockedTarget, url: str) -> Mapping[str, str]:
        from cudepot.kinds.wheels.rules.environment_text import commands  # noqa: PLC0415

        return commands(environment, target, url)


SOLVES = _Solves()

"""How the conda packages of environments are resolved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cudepot.catalog.config.environments import Environment, Wants
from cudepot.catalog.fields import Table
from cudepot.kinds.kind import EnvironmentWords, PlainSolves, Solved, Solving

if TYPE_CHECKING:
    from cudepot.catalog.lock import Artifact, LockedEnvironment, LockedTarget
    from cudepot.catalog.site.snapshot import Tree
    from cudepot.catalog.solution.exported import Exported
    from cudepot.catalog.solution.graph import Graph
    from cudepot.store.local import LocalStore


class _Solves(PlainSolves):
    words = EnvironmentWords("conda", upstreams="channels", usual="conda/conda-forge")

    def parse(self, table: Table, environment: Environment) -> Wants | None:
        from cudepot.kinds.conda.environment import parse_wanted  # noqa: PLC0415

        return parse_wanted(table, environment)

    def solve(self, asking: Solving) -> Solved:
        from cudepot.kinds.conda.solve import solve  # noqa: PLC0415

        return solve(asking)

    def name_of(self, text: str) -> str:
        return text.lower()

    def graph(self, environment: LockedEnvironment, target: LockedTarget, files: Iterable[Artifact]) -> Graph:
        from cudepot.kinds.conda.rules.solution import solution_graph  # noqa: PLC0415

        return solution_graph(environment, target, files)

    def index(self, environment: str) -> str:
        from cudepot.kinds.conda.rules.solution import index_of  # noqa: PLC0415

        return index_of(environment)

    def prove(self, store: LocalStore, environment: LockedEnvironment, tree: Tree) -> tuple[str, ...]:
        from cudepot.kinds.conda.prove_environment import prove  # noqa: PLC0415

        return prove(store, environment, tree)

    def export(self, site: Exported, environment: LockedEnvironment) -> Mapping[str, str]:
        from cudepot.kinds.conda.rules.solution import texts  # noqa: PLC0415

        return texts(site, environment)

    def commands(self, environment: LockedEnvironment, target: LockedTarget, url: str) -> Mapping[str, str]:
        from cudepot.kinds.conda.rules.solution import commands  # noqa: PLC0415

        return commands(environment, target, url)


SOLVES = _Solves()

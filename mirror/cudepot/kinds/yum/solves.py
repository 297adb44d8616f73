"""How the rpms of environments are resolved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cudepot.catalog.config.environments import Environment, Wants
from cudepot.catalog.fields import Table
from cudepot.kinds.kind import Because, EnvironmentWords, PlainSolves, Solved, Solving

if TYPE_CHECKING:
    from cudepot.catalog.lock import Artifact, Lock, LockedEnvironment, LockedTarget
    from cudepot.catalog.site.snapshot import Tree
    from cudepot.catalog.solution.exported import Exported
    from cudepot.catalog.solution.graph import Graph
    from cudepot.depot.depot import Depot
    from cudepot.store.local import LocalStore


class _Solves(PlainSolves):
    words = EnvironmentWords("rpm", owner="from", upstreams="upstreams", needed=("distribution",))

    def parse(self, table: Table, environment: Environment) -> Wants | None:
        from cudepot.kinds.yum.environment import parse_wanted  # noqa: PLC0415

        return parse_wanted(table, environment)

    def name_of(self, text: str) -> str:
        return text

    def solve(self, asking: Solving) -> Solved:
        from cudepot.kinds.yum.solve import solve  # noqa: PLC0415

        return solve(asking)

    def graph(self, environment: LockedEnvironment, target: LockedTarget, files: Iterable[Artifact]) -> Graph:
        from cudepot.kinds.yum.rules.environment_text import solution_graph  # noqa: PLC0415

        return solution_graph(environment, target, files)

    def index(self, environment: str) -> str:
        from cudepot.kinds.yum.rules.environment_text import index_of  # noqa: PLC0415

        return index_of(environment)

    def prove(self, store: LocalStore, environment: LockedEnvironment, tree: Tree) -> tuple[str, ...]:
        from cudepot.kinds.yum.prove_environment import prove  # noqa: PLC0415

        return prove(store, environment, tree)

    def export(self, site: Exported, environment: LockedEnvironment) -> Mapping[str, str]:
        from cudepot.kinds.yum.rules.environment_text import texts  # noqa: PLC0415

        return texts(site, environment)

    def because(self, store: LocalStore, lock: Lock, artifacts: Sequence[Artifact]) -> Mapping[Artifact, Because]:
        from cudepot.kinds.yum.because import because  # noqa: PLC0415

        return because(store, lock, artifacts)

    def client_files(
        self, depot: Depot, lock: Lock, tree: Tree, environment: LockedEnvironment, url: str
    ) -> Mapping[str, bytes]:
        from cudepot.kinds.yum.client_environment import environment_files  # noqa: PLC0415

        return environment_files(depot, lock, tree, environment, url)

    def commands(self, environment: LockedEnvironment, target: LockedTarget, url: str) -> Mapping[str, str]:
        from cudepot.kinds.yum.rules.environment_text import commands  # noqa: PLC0415

        return commands(environment, target, url)


SOLVES = _Solves()

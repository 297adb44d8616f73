"""How environments are resolved as far as wheels go."""

from __future__ import annotations

from cudepot.catalog.config.environments import Environment, Wants
from cudepot.catalog.fields import Table
from cudepot.kinds.kind import Solved, Solving


class _Solves:
    def parse(self, table: Table, environment: Environment) -> Wants | None:
        from cudepot.kinds.wheels.environment import parse_wanted  # noqa: PLC0415

        return parse_wanted(table, environment)

    def solve(self, asking: Solving) -> Solved:
        raise NotImplementedError


SOLVES = _Solves()

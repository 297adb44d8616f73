"""The table: each row is a small function that makes a repository odd, and where cudepot must differ from apt, why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.judge.apt_repo import Odd


@dataclass(frozen=True)
class Row:
    """One odd repository.

    Attributes:
        make: makes it odd; its name is the row's.
        quiet: why cudepot need not say that apt refuses what is mirrored whole; empty where it has to.
        pin, whole: why cudepot's answer is not apt's, with a pin and mirrored whole; empty where it has to be the same.
    """

    make: Callable[[Odd], object]
    pin: str = ""
    whole: str = ""
    quiet: str = ""

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.make.__name__


class Table:
    """Rows in the order in which they were written."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def row(
        self, *, pin: str = "", whole: str = "", both: str = "", quiet: str = ""
    ) -> Callable[[Callable[[Odd], object]], None]:
        """Add a function to the table; ``both`` stands for ``pin`` and ``whole``."""

        def add(make: Callable[[Odd], object]) -> None:
            assert make.__name__ not in {one.name for one in self.rows}
            self.rows.append(Row(make, pin or both, whole or both, quiet))

        return add

"""What `lock` learns of repositories that no client could install, and what of it somebody allowed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from cudepot.catalog.config.config import Config
from cudepot.catalog.unsolvable import Allowed, Findings, amended, notes, refused
from cudepot.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Solvability:
    """One run of `lock`: what is allowed, and what was found.

    Attributes:
        permitted: what is allowed from now on, as far as a run knows before it has looked.
        given: names allowed by this very run: they stay whatever is found.
        again: names forbidden by this very run: they are looked at although nothing changed.
    """

    permitted: tuple[Allowed, ...]
    given: frozenset[str]
    again: frozenset[str]
    _findings: dict[str, Findings] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        config: Config,
        before: Sequence[Allowed],
        allow: Mapping[str, str],
        forbid: Sequence[str],
        shared: Callable[[], Iterable[str]],
    ) -> Self:
        """Begin with what was allowed before, less what is of no upstream now.

        Args:
            config: names the upstreams.
            before: what was allowed.
            allow: names to be allowed from now on, and why.
            forbid: names that are not allowed any more.
            shared: gives the names of repositories that all upstreams share; asked for where anything is allowed.

        Raises:
            ConfigError: a name to be allowed is none of a repository here, or one to be forbidden is not allowed.
        """
        names = [*(one.name for one in config.upstreams), *(shared() if allow or before else ())]
        for name in allow:
            if name not in names:
                raise ConfigError(f"--allow-unsolvable {name}: no such repository", hint=f"known: {', '.join(names)}")
        known = [one.name for one in before]
        for name in forbid:
            if name not in known:
                here = (
                    f"allowed: {', '.join(known)}" if known else ("no repository is allowed, so there is nothing to do")
                )
                raise ConfigError(f"--forbid-unsolvable {name}: it is not allowed now", hint=here)
        permitted = [one for one in amended(before, allow, forbid) if one.name in names]
        return cls(tuple(permitted), frozenset(allow), frozenset(forbid))

    @contextlib.contextmanager
    def judging(self, name: str) -> Iterator[Findings]:
        """Give what a resolver of that upstream writes down; raise UnsolvableError for what nobody allowed."""
        findings = Findings(again=name in self.again)
        yield findings
        for error in refused(findings.found, self.permitted).values():
            raise error
        self._findings[name] = findings

    def allowed(self) -> tuple[Allowed, ...]:
        """Return what the new lock allows: no more what was looked at completely and can be installed."""
        return tuple(one for one in self.permitted if one.name in self.given or not self._is_over(one.name))

    def notes(self) -> tuple[str, ...]:
        """Return what resolvers found odd about their upstreams, a line each."""
        return tuple(one for several in self._findings.values() for one in several.notes)

    def unsolvable(self) -> tuple[str, ...]:
        """Return a line for each repository that is allowed, and for each that need not be any more."""
        over = [one.name for one in self.permitted if one not in self.allowed()]
        found = [one for several in self._findings.values() for one in several.found]
        return notes(found, self.allowed()) + tuple(
            (f"{name}: can be installed now, so the exception was removed") for name in over
        )

    def _is_over(self, name: str) -> bool:
        findings = self._findings.get(name, Findings())
        return findings.complete and not findings.found

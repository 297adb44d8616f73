"""The files of environments among those of a lock: each once, however many ask for it; how much they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from cudepot.catalog.config.environments import Environment
from cudepot.catalog.lock import BUILDS, ENVIRONMENT, Artifact, Lock, LockedEnvironment, LockedTarget
from cudepot.digest import Digest
from cudepot.errors import PinError, TrustError
from cudepot.workflows.lock.settled import EnvironmentSize, TargetSize

_NAMED = 5  # of the largest files


class Files:
    """Artifacts, each upstream's file once. What pins asked for stays as they had it.

    Args:
        pinned: what pins asked for.
    """

    def __init__(self, pinned: Iterable[Artifact]) -> None:
        self._found = {(one.upstream, one.filename): one for one in pinned}

    @property
    def artifacts(self) -> list[Artifact]:
        """Those of pins in their order, then those of environments by name."""
        alone = [one for one in self._found.values() if one.is_of_environment]
        return [
            *(one for one in self._found.values() if not one.is_of_environment),
            *sorted(alone, key=lambda one: (one.upstream, one.name, one.filename)),
        ]

    def add(self, artifacts: Iterable[Artifact]) -> None:
        """Add files of an environment.

        Raises:
            TrustError: one is there already with other bytes.
        """
        for artifact in artifacts:
            one = artifact if artifact.is_of_environment else replace(artifact, why=ENVIRONMENT)
            key = (one.upstream, one.filename)
            there = self._found.setdefault(key, one)
            if there.digest != one.digest:
                raise TrustError(
                    f"{one.filename}: {one.upstream} lists it with sha256 {one.digest.sha256} here and "
                    f"{there.digest.sha256} there",
                    hint="its page changed while it was read: run `cudepot lock` again",
                )
            kept = one if there.why.startswith(BUILDS) else there
            requires = tuple(sorted({*there.requires, *one.requires}))
            self._found[key] = kept if requires == kept.requires else replace(kept, requires=requires)


def check_size(environment: Environment, artifacts: Sequence[Artifact]) -> None:
    """Raise PinError where the files of an environment are more than it may have."""
    sizes = {one.digest: one for one in artifacts}
    total = sum(digest.size for digest in sizes)
    if environment.max_size is None or total <= environment.max_size:
        return
    largest = sorted(sizes.values(), key=lambda one: -one.digest.size)[:_NAMED]
    named = ", ".join(f"{one.filename} ({one.digest.size:,} bytes)" for one in largest)
    raise PinError(
        f"{len(sizes)} files of {total:,} bytes in total, but `max-size` allows {environment.max_size:,}; "
        f"the largest: {named}",
        hint="ask for fewer packages, platforms or Pythons, or raise the environment's `max-size`",
    )


def sizes(old: Lock, new: Lock, has: Callable[[Digest], bool]) -> tuple[EnvironmentSize, ...]:
    """Return what each environment of a lock has; ``has`` tells what is in the store."""
    return tuple(_size(old, new, one, has) for one in new.environments)


def _size(old: Lock, new: Lock, environment: LockedEnvironment, has: Callable[[Digest], bool]) -> EnvironmentSize:
    artifacts = new.files_of(environment) or ()
    targets = tuple(
        _target_size(one, new.files_of(environment._replace(targets=(one,))) or ()) for one in environment.targets
    )
    digests = {one.digest for one in artifacts}
    before = old.environment(environment.name, environment.kind)
    return EnvironmentSize(
        environment.name,
        environment.kind,
        targets,
        len({one.name for one in artifacts}),
        len(artifacts),
        sum(one.size for one in digests),
        sum(one.size for one in digests if not has(one)),
        *_differences((before and old.files_of(before)) or (), artifacts),
    )


def _target_size(target: LockedTarget, artifacts: Sequence[Artifact]) -> TargetSize:
    total = sum(digest.size for digest in {one.digest for one in artifacts})
    machine = ", ".join(f"{key} {value}" for key, value in target.fields)
    return TargetSize(target.name, machine, len({one.name for one in artifacts}), total)


def _differences(
    before: Sequence[Artifact], after: Sequence[Artifact]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    old, new = _versions(before), _versions(after)
    return (
        tuple(f"{name} {new[name]}" for name in sorted(new.keys() - old.keys())),
        tuple(f"{name} {old[name]}" for name in sorted(old.keys() - new.keys())),
        tuple(f"{name} {old[name]} -> {new[name]}" for name in sorted(new) if old.get(name, new[name]) != new[name]),
    )


def _versions(artifacts: Iterable[Artifact]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for one in artifacts:
        found.setdefault(one.name, set()).add(one.version)
    return {name: ", ".join(sorted(versions)) for name, versions in found.items()}

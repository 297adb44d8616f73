"""Requirements of an environment, wherever they are (PEP 508): such as an index can meet. Pure."""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement

from cudepot.errors import ConfigError


def read_requirement(text: str, where: str) -> Requirement:
    """Return a requirement; ``where`` says for people where it is.

    Raises:
        ConfigError: it is none, or names a URL, which no index can meet.
    """
    try:
        found = Requirement(text)
    except (InvalidRequirement, RecursionError) as error:
        hint = "use pip's form, name==1.2.3; paths and URLs cannot be resolved"
        raise ConfigError(f"{where}: not a requirement: {text[:200]!r}", hint=hint) from error
    if found.url:
        hint = f"only packages from an index can be resolved: write {found.name}==VERSION, with an upstream that has it"
        raise ConfigError(f"{where}: {found.name} is taken from a URL, {found.url[:200]}", hint=hint)
    return found

"""How needs are met over several repositories where apt's own way ends in something broken. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cudepot.formats.apt import Package, Relation
from cudepot.kinds.apt.rules.install import Need, named
from cudepot.kinds.apt.rules.marking import RECOMMENDS, Present, Taken
from cudepot.kinds.apt.rules.offers import Facts
from cudepot.kinds.apt.rules.union import Name, Union


@dataclass(frozen=True, slots=True)
class UnionRules:
    """See :class:`cudepot.kinds.apt.rules.install.Rules`.

    Attributes:
        union: what there is.
        present: what the machine has before.
        recommends: whether recommendations are needs, which may go unmet.
        marked: what apt marked: it is tried first.
    """

    union: Union
    present: Present
    recommends: bool
    marked: Mapping[Name, Taken]
    _facts: dict[int, Facts] = field(default_factory=dict)

    def facts(self, package: Package) -> Facts:
        """Return the relations of a package, recommendations among its needs where they are followed."""
        found = self.union.facts(package)
        if not self.recommends or not found.wishes:
            return found
        if id(package) not in self._facts:
            self._facts[id(package)] = found._replace(needs=(*found.needs, *found.wishes))
        return self._facts[id(package)]

    def is_choice(self, need: Need) -> bool:
        """Return whether several packages could meet a need."""
        return need.field == RECOMMENDS or len(need.group) > 1 or not self.union.named(need.group[0].name)

    def candidates(self, need: Need) -> Iterator[Package | None]:
        """Give what the machine has, then what apt marked, then the alternatives in their order."""
        if any(self.present.meets(one, need.by) for one in need.group):
            yield None
            return
        found = {id(one): one for relation in need.group for one in self.union.meeting(relation, need.by)}
        yield from (one for one in found.values() if self._is_marked(one))
        yield from (one for one in found.values() if not self._is_marked(one))
        if need.field == RECOMMENDS:
            yield None

    def lacking(self, need: Need) -> str:
        """Return in words what each repository has of what a need asks for, where nothing meets it."""
        return "; ".join(there(self.union, relation) for relation in need.group)

    def _is_marked(self, package: Package) -> bool:
        taken = self.marked.get(self.union.key(package))
        return taken is not None and taken.package is package


def there_is_none(name: str) -> str:
    """Return in words that no repository has anything under a name."""
    return f"no upstream has {name}"


def there(union: Union, relation: Relation) -> str:
    """Return in words what each repository has under the name of a relation."""
    found: dict[str, list[str]] = {}
    for architecture in (union.machine.native, *union.machine.foreign):
        for one, offering in union.rivals((relation.name, architecture)):
            found.setdefault(offering.name, []).append(one.version)
    for one in union.providing(relation.name):
        found.setdefault(union.owner(one).name, []).append(f"{named(one)} for it")
    odd = union.set_aside(relation.name)
    aside = f" (left out: {'; '.join(odd[:2])})" if odd else ""
    if not found:
        return there_is_none(relation.name) + aside
    return (
        f"of {relation.name} there is {', '.join(f'{_few(texts)} in {name}' for name, texts in found.items())}{aside}"
    )


def _few(texts: list[str]) -> str:
    every = list(dict.fromkeys(texts))
    return ", ".join(every[:4]) + (f" and {len(every) - 4} more" if len(every) > 4 else "")

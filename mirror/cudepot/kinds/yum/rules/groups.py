"""Groups and environments of comps.xml: which packages ``@development`` means. Pure.

As dnf has it: of a group its mandatory, default and conditional packages (the latter only beside what they name, so
they are left to whoever asks for that), of an environment its groups but for the optional ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

from cudepot.errors import PinError
from cudepot.formats.xml_text import parse_xml

_TAKEN = ("mandatory", "default", "")


class Groups:
    """The groups of several repositories: of two of one id, the packages of both."""

    def __init__(self, texts: Iterable[tuple[str, bytes]]) -> None:
        self._groups: dict[str, list[str]] = {}
        self._environments: dict[str, list[str]] = {}
        self._called: dict[str, str] = {}
        for what, text in texts:
            root = parse_xml(text, what)
            for one in root.findall("group"):
                self._add(
                    self._groups, one, [each for each in one.iter("packagereq") if each.get("type", "") in _TAKEN]
                )
            for one in root.findall("environment"):
                groups = one.find("grouplist")
                self._add(self._environments, one, [] if groups is None else groups.findall("groupid"))

    def _add(
        self, into: dict[str, list[str]], one: ElementTree.Element, members: Sequence[ElementTree.Element]
    ) -> None:
        named = (one.findtext("id") or "").strip()
        into.setdefault(named, []).extend((each.text or "").strip() for each in members)
        self._called.setdefault((one.findtext("name") or "").strip().lower(), named)

    def packages(self, text: str) -> list[str]:
        """Return the packages of a group or an environment, by its id or its name.

        Raises:
            PinError: there is none.
        """
        named = text if text in self._groups or text in self._environments else self._called.get(text.lower(), "")
        if named in self._environments:
            each = (self._groups.get(one, ()) for one in self._environments[named])
            return list(dict.fromkeys(name for names in each for name in names))
        if named in self._groups:
            return list(dict.fromkeys(self._groups[named]))
        there = ", ".join(sorted({*self._groups, *self._environments})[:20])
        raise PinError(
            f"none of the environment's upstreams has a module or group {text!r}",
            hint=f"groups there: {there or 'none'}",
        )

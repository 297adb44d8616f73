"""What all readers of repository metadata in XML hold to."""

from __future__ import annotations

from cudepot.errors import FormatError

MOST_ENTRY = 64 << 20  # bytes of one package's entry; the file list of the largest has a few MB
ENTITIES = "it may be made to exhaust memory or to mislead: do not use it"


def escaped(text: str) -> str:
    """Return text as XML has it, between tags or between double quotes.

    ``xml.sax.saxutils`` does the same; importing it takes as long as a whole run with nothing new may add.
    """
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("\n", "&#10;")):
        text = text.replace(sign, entity)
    return text


def check_root(found: str, wanted: str, what: str) -> None:
    """Raise FormatError unless the name of a root element is the wanted one; dnf reads none with a prefix."""
    if found != wanted:
        raise FormatError(
            f"{what}: begins with {f'<{found[:40]}>' if found else 'no element'}, not with <{wanted}>",
            hint="the upstream may serve an error page instead",
        )


def unescaped(text: str) -> str:
    """Return text with XML's five predefined entities replaced."""
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text

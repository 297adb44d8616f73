"""XML that is read whole: anything of any length but one piece of it, because a parser keeps a piece until it ends."""

from __future__ import annotations

import pytest

from cudepot.errors import FormatError
from cudepot.formats import xml_rewritten
from cudepot.formats.xml_rewritten import check_well_formed


def check(monkeypatch: pytest.MonkeyPatch, document: bytes) -> None:
    """Check a document that comes in small chunks, where a piece may have 1,000 bytes."""
    monkeypatch.setattr(xml_rewritten, "MOST_ENTRY", 1000)
    check_well_formed((document[at : at + 100] for at in range(0, len(document), 100)), "x", "metadata")


@pytest.mark.parametrize(
    "inner", [b'<a b="c">text</a>' * 900, b"text" * 900, b"", b'<a b="' + b"c" * 900 + b'"/>', b"<!-- a --> " * 900]
)
def test_a_document_of_any_length_is_read(monkeypatch: pytest.MonkeyPatch, inner: bytes) -> None:
    check(monkeypatch, b"<metadata>" + inner + b"</metadata>")


@pytest.mark.parametrize("begun", [b'<a b="', b"<!--", b"<"])
def test_one_long_piece_is_refused(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    with pytest.raises(FormatError, match="more than 1000 bytes"):
        check(monkeypatch, b"<metadata>" + begun + b"c" * 9000)


@pytest.mark.parametrize(
    "document", [b"<!DOCTYPE m []><m/>", b"<repomd/>", b"<metadata><a></metadata>", b"<metadata>", b""]
)
def test_what_is_not_that_document_is_refused(monkeypatch: pytest.MonkeyPatch, document: bytes) -> None:
    with pytest.raises(FormatError):
        check(monkeypatch, document)

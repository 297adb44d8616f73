"""Metadata of a yum repository with a few bytes changed: read, or refused as malformed, and never an internal error."""

from __future__ import annotations

import io
import random
from collections.abc import Callable

import pytest
from tests.kinds.yum.odd_rows import COMPS, DEFAULT, MODULES, NEVRA, UPDATEINFO

from cudepot.catalog.config.config import Pin
from cudepot.catalog.lock import Artifact
from cudepot.digest import Digest
from cudepot.errors import CudepotError
from cudepot.formats.filelists import owners_of
from cudepot.formats.primary import listing, read_primary
from cudepot.formats.repomd import parse_repomd
from cudepot.formats.xml_rewritten import check_well_formed
from cudepot.kinds.yum.rules.closure import machines, select_rpms
from cudepot.kinds.yum.rules.modules import streams_of, trimmed_modules
from cudepot.kinds.yum.rules.pins import Rpms, rpm_pins
from cudepot.kinds.yum.rules.plan import by_checksum, extra_entries, primary_entries
from cudepot.kinds.yum.rules.trim import trimmed

SHA = "a" * 64
TOOL = Artifact(
    "u", "rpm", "tool", "1.0-1", "x86_64", "tool-1.0-1.x86_64.rpm", "tool-1.0-1.x86_64.rpm", Digest(SHA, 10)
)  # fmt: skip
PRIMARY = f"""<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">
<package type="rpm"><name>tool</name><arch>x86_64</arch><version epoch="0" ver="1.0" rel="1"/>
<checksum type="sha256" pkgid="YES">{SHA}</checksum><summary>s</summary><time file="1" build="2"/>
<size package="10" installed="1" archive="1"/><location href="tool-1.0-1.x86_64.rpm"/><format><rpm:provides>
<rpm:entry name="tool" flags="EQ" epoch="0" ver="1.0" rel="1"/></rpm:provides><rpm:requires>
<rpm:entry name="(a or (b if c))"/><rpm:entry name="x" flags="GE" epoch="1" ver="2"/></rpm:requires>
<file>/usr/bin/x</file></format></package></metadata>"""
FILELISTS = f"""<filelists xmlns="x" packages="1"><package pkgid="{SHA}" name="tool" arch="x86_64">
<version epoch="0" ver="1.0" rel="1"/><file>/usr/bin/x</file><file type="dir">/a</file></package></filelists>"""
REPOMD = f"""<?xml version="1.0"?><repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision>
<tags><repo>x</repo></tags><data type="primary"><checksum type="sha256">{SHA}</checksum>
<location href="repodata/p"/><timestamp>1</timestamp><size>3</size><open-size>4</open-size></data></repomd>"""
PIECES = [
    b"<", b">", b"</package>", b"<package ", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"&", b"&x;", b'"', b"'", b"\0",
    b"\xe4", b"\xff\xfe", b"<?x ?>", b'<!DOCTYPE a [<!ENTITY x "y">]>', b"<!DOCTYPE a>", b"{a: b}", b"- ", b": ", b"[",
    b"? ", b"*a ", b"&a ", b"!!python/object:os.system ", b"(", b")", b" or ", b" if ", b"9" * 30, b"-1", b"\n", b"://",
    b"../", b'encoding="utf-7"', b"---\n", b"null", b"%YAML 9\n", b"\xc2\x85", b"\xe2\x80\xa8", b"<a>" * 200, b"nom",
]  # fmt: skip


def closure(text: bytes) -> None:
    rpms = list(read_primary(io.BytesIO(text), "primary", lambda _: None))
    select_rpms(machines(["x86_64", "i686"], rpms, rpm_pins(Pin("u", ("*",)), ["x86_64"], Rpms(rpms))))
    for one in rpms:
        assert one.place("http://host/")
        assert one.file_name
        assert one.promised


def planned(text: bytes) -> None:
    named = by_checksum(io.BytesIO(text), [TOOL], "primary") or {SHA: TOOL}
    list(primary_entries(io.BytesIO(text), named, "primary"))


def modular(text: bytes) -> None:
    trimmed_modules(text, [TOOL], "modules", lambda _: None)
    streams_of(text, "modules")


READERS: dict[str, tuple[str, Callable[[bytes], object]]] = {
    "repomd": (REPOMD, lambda text: parse_repomd(text, "repomd.xml").date()),
    "closure": (PRIMARY, closure),
    "listing": (PRIMARY, lambda text: list(listing(io.BytesIO(text), "primary"))),
    "well-formed": (PRIMARY, lambda text: check_well_formed([text], "primary", "metadata")),
    "plan": (PRIMARY, planned),
    "owners": (FILELISTS, lambda text: owners_of(io.BytesIO(text), {"/usr/bin/x"}, "filelists")),
    "file lists": (
        FILELISTS, lambda text: list(extra_entries("filelists", io.BytesIO(text), {SHA: TOOL}, "f", lambda _: None))
    ),
    "updateinfo": (UPDATEINFO % "t", lambda text: trimmed("updateinfo", text, [TOOL], "updateinfo")),
    "groups": (COMPS % "t", lambda text: trimmed("group", text, [TOOL], "comps")),
    "modules": (MODULES % NEVRA + DEFAULT, modular),
}  # fmt: skip


def changed(text: bytes, chance: random.Random) -> bytes:
    """Return a document with up to four changes."""
    data = bytearray(text)
    for _ in range(chance.randint(1, 4)):
        at, other = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
        how = chance.random()
        if how < 0.5:
            data[at:at] = chance.choice(PIECES)
        elif how < 0.75:
            del data[at : at + chance.choice((1, 3, 20, 200))]
        else:
            data[at:at] = data[at:other][:300]
    return bytes(data)


@pytest.mark.parametrize("name", READERS)
def test_changed_metadata_are_read_or_refused(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    text, read = READERS[name]
    read(text.encode())
    chance = random.Random(name)  # the same changes each time
    refused = 0
    for _ in range(800):
        try:
            read(changed(text.encode(), chance))
        except CudepotError:
            refused += 1
    assert refused > 40, "these changes do break documents"
    capfd.readouterr()  # createrepo_c complains on its own

"""The table of odd yum repositories: what makes each odd, and where cudepot has to refuse what dnf takes."""

from __future__ import annotations

import gzip
import lzma
import re
import shutil
from collections.abc import Callable, Mapping
from typing import NamedTuple

from simulator.odd_yum import TOOL, OddYum, Record
from simulator.rpms import Rpm, simple_rpm

Make = Callable[[OddYum], object]
EVIL = "\x1b"
UPDATEINFO = """<?xml version="1.0" encoding="UTF-8"?>
<updates><update from="x" status="final" type="security" version="1">
<id>NV-1</id><title>%s</title><issued date="2020-11-06 00:00:00"/><pkglist><collection short="c"><name>c</name>
<package name="tool" version="1.0" release="1" epoch="0" arch="x86_64">
<filename>tool-1.0-1.x86_64.rpm</filename></package>
</collection></pkglist></update></updates>"""
COMPS = """<?xml version="1.0" encoding="UTF-8"?><comps><group><id>g</id><name>%s</name><description>d</description>
<default>false</default><uservisible>true</uservisible><packagelist><packagereq>tool</packagereq></packagelist></group></comps>"""
MODULES = """---
document: modulemd
version: 2
data:
  name: m
  stream: "1"
  version: 1
  context: "c0"
  arch: x86_64
  summary: s
  description: d
  license: {module: [MIT]}
  artifacts:
    rpms:
%s...
"""
DEFAULT = """---
document: modulemd-defaults
version: 1
data: {module: m, stream: "1"}
...
"""
NEVRA = "    - tool-0:1.0-1.x86_64\n"
NEEDS = "Requires: libtool.so.1()(64bit)"


class Odd(NamedTuple):
    """One row.

    Attributes:
        make: makes the repository odd.
        pin, whole: what cudepot says, as a pattern, where it refuses; empty: a client installs as from the upstream.
        dnf: whether dnf installs from the upstream.
        settings: further settings of the upstream in cudepot.toml.
    """

    make: Make
    pin: str = ""
    whole: str = ""
    dnf: bool = True
    settings: Mapping[str, object] = {}


def has(kind: str, text: str, **more: object) -> Make:
    """Add metadata."""
    return lambda odd: odd.records.update({kind: Record(text.encode(), **more)})  # type: ignore[arg-type]


def cut(kind: str, text: str) -> Make:
    """Add metadata whose compressed bytes end early."""
    return has(kind, text, packed=gzip.compress(text.encode())[:-20])


def named(**fields: str) -> Make:
    """Set what repomd.xml says of errata."""
    return has("updateinfo", UPDATEINFO % "", fields={name.replace("_", "-"): text for name, text in fields.items()})


def gone(kind: str, text: str = "<x/>") -> Make:
    """Name metadata that are not served; of those createrepo_c wrote, take the file away."""

    def make(odd: OddYum) -> None:
        odd.records.setdefault(kind, Record(text.encode()))
        odd.dead.append(f"repodata/{kind}.{'yaml' if kind == 'modules' else 'xml'}.gz")

    return make


def text(kind: str, *pairs: tuple[str, str], encoding: str = "utf-8") -> Make:
    """Change the text of a document."""
    return lambda odd: odd.change(kind, *pairs, encoding=encoding)


def entry(pattern: str, into: str) -> Make:
    """Change the entry of ``tool`` in primary."""

    def make(odd: OddYum) -> None:
        before = odd.entry("primary", "tool")
        after = re.sub(pattern, into, before, flags=re.DOTALL)
        assert before != after
        odd.change("primary", (before, after))

    return make


def repomd(pattern: str, into: str) -> Make:
    """Change the text of repomd.xml."""

    def make(odd: OddYum) -> None:
        odd.repomd = lambda before: re.sub(pattern, into, before, flags=re.DOTALL)

    return make


def elsewhere(into: str) -> Make:
    """Write the location of ``tool`` another way; URL stands for the repository's, OTHER for another name of it."""

    def make(odd: OddYum) -> None:
        place = into.replace("URL", odd.url).replace("OTHER", odd.url.replace("127.0.0.1", "localhost"))
        odd.change("primary", (f'<location href="{TOOL.file_name}"', f"<location {place}"))

    return make


def added(*rpms: Rpm) -> Make:
    """Add packages."""

    def make(odd: OddYum) -> None:
        odd.add(*rpms)
        odd.index()

    return make


def tool(version: str, *tags: str) -> Rpm:
    """Return another version of ``tool``."""
    return simple_rpm("tool", version, "1", "x86_64", *tags)


def each(change: Callable[[Record], object]) -> Make:
    """Change every record."""
    return lambda odd: [change(one) for one in odd.records.values()]


def packed(pack: Callable[[bytes], bytes], kind: str = "primary") -> Make:
    """Serve a document in another form than its name says."""
    return lambda odd: setattr(odd.records[kind], "packed", pack(odd.records[kind].data))


def without_times(revision: str = "") -> Make:
    """Take every time out of repomd.xml."""

    def make(odd: OddYum) -> None:
        odd.head = revision
        for one in odd.records.values():
            one.fields["timestamp"] = ""

    return make


def shared(odd: OddYum) -> None:
    """Let ``tool`` lie beside the repository's folder."""
    odd.change("primary", (f'href="{TOOL.file_name}"', f'href="../{odd.folder.name}-shared/{TOOL.file_name}"'))
    (odd.folder.parent / f"{odd.folder.name}-shared").mkdir()
    (odd.folder / TOOL.file_name).rename(odd.folder.parent / f"{odd.folder.name}-shared" / TOOL.file_name)


def twins(odd: OddYum) -> None:
    """Add a second package that calls itself ``tool`` and is another."""
    other = Rpm("tool", "1.0", "1", "x86_64", {"/usr/share/doc/tool/README": b"other\n"}, [NEEDS], "gz")
    odd.add(other, at="second/tool-1.0-1.x86_64.rpm")
    odd.index()


def copied(odd: OddYum) -> None:
    """Let ``tool`` lie at two places, and list both."""
    (odd.folder / "copy").mkdir()
    shutil.copyfile(odd.folder / TOOL.file_name, odd.folder / "copy" / TOOL.file_name)
    odd.again(lambda one: one.replace('href="', 'href="copy/'))


def single_quotes(odd: OddYum) -> None:
    """Write every attribute of primary in single quotes, and no declaration."""
    data = odd.records["primary"].data.decode().split("\n", 1)[1]
    odd.records["primary"].data = re.sub(r'="([^"<>]*)"', r"='\1'", data).encode()


def prefixed(odd: OddYum) -> None:
    """Give every element of primary a prefix."""
    data = odd.records["primary"].data.decode().replace('xmlns="http', 'xmlns:c="http')
    odd.records["primary"].data = re.sub(r"<(/?)(?!rpm:|\?|!)([a-z])", r"<\1c:\2", data).encode()


def utf16(odd: OddYum) -> None:
    """Write primary in UTF-16."""
    odd.change("primary", ("UTF-8", "UTF-16"), encoding="utf-16")


def latin1(kind: str, old: str, new: str) -> Make:
    """Put a Latin-1 byte into what says that it is UTF-8."""
    return text(kind, (old, new), encoding="latin-1")


def multilib(odd: OddYum) -> None:
    """Let ``tool`` need a library for i686."""
    odd.add(simple_rpm("libb", "1.0", "1", "i686", "Provides: libb(x86-32)"), tool("2.0", "Requires: libb(x86-32)"))
    odd.index()


WEAK, LACKS, ELSEWHERE = "sha256 or sha512 is needed", "no checksum or no size", "stored elsewhere"
NO_DATE = "has no date"
ROWS: dict[str, Odd] = {
    "plain": Odd(lambda _: None),
    # extras that dnf does without
    "updateinfo with a control character": Odd(has("updateinfo", UPDATEINFO % EVIL)),
    "updateinfo cut": Odd(cut("updateinfo", UPDATEINFO % "")),
    "updateinfo with another root": Odd(has("updateinfo", "<html/>")),
    "updateinfo of no bytes": Odd(has("updateinfo", "", packed=b"")),
    "updateinfo in Latin-1": Odd(
        lambda odd: odd.records.update(updateinfo=Record((UPDATEINFO % "\xe4").encode("latin-1")))
    ),
    "updateinfo with entities": Odd(has("updateinfo", "<!DOCTYPE u [<!ENTITY e 'x'>]><updates>&e;</updates>")),
    "updateinfo very deep": Odd(has("updateinfo", "<updates>" + "<a>" * 100000 + "</a>" * 100000 + "</updates>")),
    "updateinfo with a wrong open size": Odd(named(open_size="5", open_checksum="0" * 64)),
    "updateinfo twice": Odd(repomd('(<data type="filelists">.*?</data>)', r"\1\1")),
    "updateinfo known by md5": Odd(has("updateinfo", UPDATEINFO % "", checksum="md5"), whole=WEAK),
    "updateinfo without size": Odd(named(size=""), whole=LACKS),
    "updateinfo not served": Odd(gone("updateinfo"), "does not|HTTP 404", "HTTP 404", dnf=False),
    "groups with a control character": Odd(has("group", COMPS % EVIL)),
    "groups cut": Odd(cut("group_gz", COMPS % "")),
    "groups with a DOCTYPE": Odd(
        has("group", (COMPS % "").replace("<comps>", '<!DOCTYPE comps SYSTEM "c.dtd"><comps>'))
    ),
    "changelogs broken": Odd(lambda odd: setattr(odd.records["other"], "data", b"<otherdata\x1b")),
    "changelogs without entries": Odd(lambda odd: setattr(odd.records["other"], "data", b"<otherdata/>")),
    "changelogs not served": Odd(gone("other")),
    "file lists broken": Odd(lambda odd: setattr(odd.records["filelists"], "data", b"<filelists\x1b")),
    "file lists in Latin-1": Odd(latin1("filelists", "tool/README", "tool/R\xe4ADME")),
    "file lists with CDATA": Odd(
        text("filelists", (">/usr/share/doc/tool/README<", "><![CDATA[/usr/share/doc/tool/README]]><"))
    ),
    "primary alone": Odd(lambda odd: [odd.records.pop(kind) for kind in ("filelists", "other")]),
    "prestodelta broken": Odd(has("prestodelta", "<presto\x1b")),
    "unknown type not served": Odd(gone("productid")),
    "unknown type known by md5": Odd(has("productid", "x", checksum="md5")),
    "a type with blanks": Odd(has("what ever/\xf6", "x", href="repodata/odd.xml.gz")),
    "data without a location": Odd(
        repomd("</repomd>", '<data type="stuff"/></repomd>'), whole="no location", dnf=False
    ),
    # modules, which decide what is installed
    "modules": Odd(has("modules", MODULES % NEVRA + DEFAULT)),
    "modules with a mapping among artifacts": Odd(has("modules", MODULES % (NEVRA.rstrip() + ": 64\n") + DEFAULT)),
    "modules with an artifact without epoch": Odd(has("modules", MODULES % "    - tool-1.0-1.x86_64\n")),
    "modules with one good and one bad artifact": Odd(has("modules", MODULES % (NEVRA + "    - {a: b}\n"))),
    "modules with an odd stream": Odd(has("modules", (MODULES % NEVRA).replace('stream: "1"', "stream: {a: b}"))),
    "modules of no bytes": Odd(has("modules", "")),
    "modules that are no YAML": Odd(has("modules", "{{{ %%% \0"), "not YAML", "not YAML", dnf=False),
    "modules cut": Odd(cut("modules", MODULES % NEVRA), "cut short", "cut short", dnf=False),
    # primary.xml as text
    "primary with comments": Odd(
        text(
            "primary",
            ("<package type", "<!-- > <package> --><package type"),
            ("<summary>", '<!-- <location href="evil"/> --><summary>'),
        )
    ),
    "primary with CDATA": Odd(
        text("primary", ("<name>tool<", "<name><![CDATA[tool]]><"), ("stand-in", "<![CDATA[<package> &]]>"))
    ),
    "primary in declared Latin-1": Odd(
        text("primary", ("UTF-8", "ISO-8859-1"), ("stand-in", "st\xf6nd"), encoding="latin-1")
    ),
    "primary in undeclared Latin-1": Odd(
        latin1("primary", "stand-in", "st\xf6nd"), "not well-formed", "not well-formed", dnf=False
    ),
    "a Latin-1 href": Odd(
        latin1("primary", f'href="{TOOL.file_name}', 'href="b\xe4sh.rpm'),
        "not well-formed",
        "not well-formed",
        dnf=False,
    ),
    "primary in UTF-16": Odd(utf16),
    "primary with a processing instruction": Odd(
        text("primary", ("<metadata", '<?xml-stylesheet href="a"?><metadata'))
    ),
    "primary with entities": Odd(
        text("primary", ("<metadata", '<!DOCTYPE m [<!ENTITY e "x">]><metadata'), ("stand-in", "&e;")),
        "declares XML entities",
        "declares XML entities",
    ),
    "primary with a prefix": Odd(prefixed, "begins with <c:metadata>", "begins with <c:metadata>", dnf=False),
    "primary in single quotes": Odd(single_quotes),
    "primary with odd blanks": Odd(
        text(
            "primary",
            ("</package>", "</package >"),
            ('<checksum type="sha256" pkgid="YES">', '<checksum  pkgid = "YES"\n type="sha256" >'),
        )
    ),
    "primary of no bytes": Odd(
        lambda odd: setattr(odd.records["primary"], "packed", b""), "no element", "compression is none", dnf=False
    ),
    "primary called gz that is xz": Odd(packed(lzma.compress), whole="primary", dnf=False),
    "primary as Zstandard": Odd(each(lambda one: setattr(one, "ending", ".zst"))),
    "primary as bzip2": Odd(each(lambda one: setattr(one, "ending", ".bz2"))),
    "primary with a wrong size": Odd(
        lambda odd: odd.records["primary"].fields.update(size="12"), "does not match", "does not match"
    ),
    "primary with a wrong open size": Odd(lambda odd: odd.records["primary"].fields.update({"open-size": "12"})),
    # repomd.xml
    "repomd by sha512": Odd(each(lambda one: setattr(one, "checksum", "sha512"))),
    "repomd by sha": Odd(each(lambda one: setattr(one, "checksum", "sha")), WEAK, WEAK),
    "a revision that is text": Odd(lambda odd: setattr(odd, "head", "<revision>el8-stable</revision>")),
    "a timestamp that is text": Odd(lambda odd: odd.records["primary"].fields.update(timestamp="yesterday")),
    "times in the future": Odd(
        lambda odd: setattr(odd, "head", "<revision>4000000000</revision>"), "in the future", "in the future"
    ),
    "neither times nor revision": Odd(without_times(), NO_DATE, NO_DATE),
    "neither times nor revision, as is known": Odd(without_times(), settings={"undated": True}),
    "a revision that is no time, as is known": Odd(without_times("<revision>0</revision>"), settings={"undated": True}),
    "repomd without a namespace": Odd(repomd(' xmlns="[^"]*"', "")),
    "repomd with a comment and a DOCTYPE": Odd(repomd("<repomd", '<!-- c --><!DOCTYPE r SYSTEM "x"><repomd')),
    "metadata elsewhere": Odd(
        repomd('(<data type="primary">.*?<location )', r'\1xml:base="http://127.0.0.1:1/" '),
        ELSEWHERE,
        ELSEWHERE,
        dnf=False,
    ),
    # where packages lie
    "in a folder with blanks": Odd(lambda odd: odd.move("My Packages/tool 1.rpm")),
    "with percent signs": Odd(lambda odd: odd.move("tool%201.rpm")),
    "with signs of URLs": Odd(lambda odd: odd.move("to#o?l&+~1.rpm", "to#o?l&amp;+~1.rpm")),
    "with no ending": Odd(lambda odd: odd.move("tool.bin")),
    "with letters of no ASCII": Odd(lambda odd: odd.move("t\xf6ol.rpm")),
    "by a path from the root": Odd(elsewhere(f'href="/{TOOL.file_name}"')),
    "by a detour": Odd(elsewhere(f'href="x/../{TOOL.file_name}"')),
    "above the repository": Odd(shared, "leaves its folder", "leaves its folder"),
    "by its whole URL": Odd(elsewhere(f'href="URL{TOOL.file_name}"'), whole=ELSEWHERE),
    "below the same xml:base": Odd(elsewhere(f'xml:base="URL" href="{TOOL.file_name}"'), whole=ELSEWHERE),
    "below another xml:base": Odd(elsewhere(f'xml:base="OTHER" href="{TOOL.file_name}"'), whole=ELSEWHERE),
    "with two locations": Odd(elsewhere(f'href="dead.rpm"/><location href="{TOOL.file_name}"')),
    # entries
    "listed twice": Odd(lambda odd: odd.again(str)),
    "listed twice, at two places": Odd(copied),
    "listed twice, the second place dead": Odd(lambda odd: odd.again(lambda one: one.replace('href="', 'href="dead/'))),
    "listed twice, the first place dead": Odd(
        lambda odd: odd.again(lambda one: one.replace('href="', 'href="dead/'), first=True), dnf=False
    ),
    "other bytes under one NEVRA": Odd(twins),
    "an entry without a name": Odd(lambda odd: odd.again(lambda one: one.replace("<name>tool</name>", ""))),
    "a package without a size": Odd(entry("<size [^>]*>", ""), "does not give its size", "does not give its size"),
    "a package known by sha1": Odd(lambda odd: odd.index("--checksum", "sha1"), WEAK, "no sha256|sha256 or sha512"),
    "a package known by sha512": Odd(lambda odd: odd.index("--checksum", "sha512")),
    "no epoch": Odd(text("primary", ('epoch="0" ver', "ver"))),
    "an empty epoch": Odd(text("primary", ('epoch="0"', 'epoch=""'))),
    "a greater epoch": Odd(added(tool("0.5", "Epoch: 1"))),
    "versions with a tilde": Odd(added(tool("2.0~rc1"), tool("2.0~beta"), tool("1.9"))),
    "versions with a caret": Odd(added(tool("2.0^git1"), tool("2.0"))),
    "a version with a plus": Odd(added(tool("2.0+x"))),
    "weak dependencies": Odd(added(tool("2.0", "Recommends: nothing", "Suggests: tool-libs"))),
    "a file that only the file lists have": Odd(added(tool("2.0", "Requires: /usr/share/doc/tool-libs/README"))),
    "a condition that holds": Odd(added(tool("2.0", "Requires: (tool-libs if tool)"))),
    "a malformed rich dependency": Odd(entry(r'entry name="libtool[^"]*"', 'entry name="(libtool or"')),
    "a library for i686": Odd(multilib),
}

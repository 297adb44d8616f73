"""Targets for debs and rpms, and what repositories of them serve: roots, indexes, metadata, modules."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable

from tests.fuzz.parts import LIMIT, each, read_members

from cudepot.builders.rpm_metadata import entries_of
from cudepot.catalog.lock import Artifact
from cudepot.digest import Digest
from cudepot.errors import CudepotError
from cudepot.formats import (
    deb,
    deb822,
    rpm,
    rpm_header,
)
from cudepot.formats.apt import Package, PackageIndex, parse_package, parse_relations
from cudepot.formats.apt_listing import listing
from cudepot.formats.apt_odd import oddities, other_sums
from cudepot.formats.apt_release import parse_release
from cudepot.formats.apt_scan import ScannedIndex
from cudepot.formats.dates import parse_date
from cudepot.formats.deb_quick import quick_control
from cudepot.formats.filelists import owners_of
from cudepot.formats.primary import listing as rpm_listing
from cudepot.formats.primary import parse_entry, read_primary
from cudepot.formats.repomd import parse_repomd
from cudepot.formats.rich_dependency import parse_rich
from cudepot.formats.sources_listing import sources_listing
from cudepot.formats.updateinfo import advisories_of
from cudepot.formats.xml_rewritten import check_well_formed
from cudepot.kinds.yum.rules.groups import Groups
from cudepot.kinds.yum.rules.modules import check_yaml, joined_modules, streams_of, trimmed_modules
from cudepot.kinds.yum.rules.streams import Asked, Modules
from cudepot.kinds.yum.rules.trim import joined_updateinfo, trimmed
from cudepot.signing.cleartext import check_detached, parted

TOOL = Artifact(
    "u", "rpm", "tool", "1.0-1", "x86_64", "tool-1.0-1.x86_64.rpm", "tool-1.0-1.x86_64.rpm", Digest("a" * 64, 10)
)  # fmt: skip


def release(data: bytes) -> None:
    found = parse_release(data, "Release")
    each(found.promised, lambda: found.date, lambda: found.valid_until)


def inrelease(data: bytes) -> None:
    each(lambda: check_detached(data, "Release.gpg"), lambda: parse_release(parted(data, "InRelease")[0], "InRelease"))


def packages(data: bytes) -> None:
    def index() -> None:
        found = PackageIndex(data, "Packages")
        for name in list(found.names()):
            for one in found.named(name):
                each(one.needs, one.excludes, lambda one=one: one.provides, lambda one=one: one.digest)
            each(lambda name=name: found.providing(name))

    each(index, lambda: listing(io.BytesIO(data), "Packages"), lambda: oddities(io.BytesIO(data), "Packages"))
    each(lambda: other_sums(io.BytesIO(data), "Packages"))


def scanned(data: bytes) -> None:
    """An index that is scanned has what one that is split has."""
    plain, quick = PackageIndex(data, "Packages"), ScannedIndex(data, "Packages")
    assert list(plain.names()) == list(quick.names())
    assert len(plain) == len(quick)
    for name in [*plain.names(), "libcudnn8", "x"]:
        assert _told(lambda name=name: plain.named(name)) == _told(lambda name=name: quick.named(name))
        assert _told(lambda name=name: plain.providing(name)) == _told(lambda name=name: quick.providing(name))
        assert 0 <= quick.first_mention(name) <= quick.size
    each(lambda: quick.having("Essential", "yes"), lambda: quick.raw(plain.names()))


def _told(read: Callable[[], list[Package]]) -> list[Package] | None:
    try:
        return read()
    except CudepotError:
        return None


def sources(data: bytes) -> None:
    list(sources_listing(io.BytesIO(data), "Sources"))


def stanza(data: bytes) -> None:
    each(
        lambda: [deb822.parse_stanza(one, "control") for one in deb822.split(data)],
        lambda: deb822.split_stream(io.BytesIO(data), "control"),
        lambda: parse_package(data, "control"),
        lambda: parse_relations(data.decode("utf-8", "replace")),
        lambda: parse_date(data.decode("utf-8", "replace"), "Date"),
    )


def debs(data: bytes) -> None:
    each(
        lambda: deb.read_control(io.BytesIO(data)),
        lambda: read_members(deb.read_deb(io.BytesIO(data), limit=LIMIT)),
        lambda: quick_control(data),
    )


def rpms(data: bytes) -> None:
    def head() -> object:
        one = rpm_header.read_head(io.BytesIO(data), what="rpm")
        return (one.name, one.evr, one.architecture, one.exact_requires, one.payload_digest, one.signatures, one.start)

    each(head, lambda: read_members(rpm.read_rpm(io.BytesIO(data), limit=LIMIT)))


def rpm_heads(data: bytes) -> None:
    found = entries_of(data, Digest("a" * 64, 10), "tool-1.0-1.x86_64.rpm")
    parse_entry(found.primary, "primary")


def primary(data: bytes) -> None:
    def entries() -> None:
        for one in read_primary(io.BytesIO(data), "primary", lambda _: None):
            each(lambda one=one: (one.nevra, one.path, one.file_name, one.promised, one.place("http://host/")))

    each(entries, lambda: rpm_listing(io.BytesIO(data), "primary"), lambda: list(_owners(data)))


def _owners(data: bytes) -> Iterable[str]:
    check_well_formed([data], "filelists", "filelists")
    return owners_of(io.BytesIO(data), ["/usr/bin/x"], "filelists")


def repomd(data: bytes) -> None:
    found = parse_repomd(data, "repomd.xml")
    each(lambda: found.date, lambda: found.check_usable(["primary"]), lambda: [one.promised for one in found.records])


def updateinfo(data: bytes) -> None:
    each(
        *(lambda kind=kind: trimmed(kind, data, [TOOL], kind) for kind in ("updateinfo", "group")),
        lambda: joined_updateinfo([data, data], "updateinfo"),
        lambda: advisories_of(data, [("tool", "1.0-1", "x86_64")], "updateinfo"),
        lambda: Groups([("comps", data)]).packages("x"),
    )


def modules(data: bytes) -> None:
    each(
        lambda: check_yaml(data, "modules"),
        lambda: streams_of(data, "modules"),
        lambda: trimmed_modules(data, [TOOL], "modules", lambda _: None),
        lambda: joined_modules([data, data], "modules"),
        lambda: Modules([("modules", data)]).active([Asked("x", "", "")], "el9"),
    )


def rich(data: bytes) -> None:
    parse_rich(data.decode("utf-8", "replace"))


PACKAGES: dict[str, Callable[[bytes], None]] = {
    one.__name__: one
    for one in (
        release,
        inrelease,
        packages,
        scanned,
        sources,
        stanza,
        debs,
        rpms,
        rpm_heads,
        primary,
        repomd,
        updateinfo,
        modules,
        rich,
    )
}

"""One target for each parser of outside bytes: it reads all of what it is given, or raises CudepotError."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable

import tomli
from tests.fuzz.corpus import OLD
from tests.fuzz.targets_conda import CONDA
from tests.fuzz.targets_far import FAR
from tests.parsed import parse_config

from cudepot.builders.rpm_metadata import entries_of
from cudepot.catalog.config.listings import decode_listing, read_listing
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.doctor import records, texts
from cudepot.catalog.doctor.records import stated
from cudepot.catalog.doctor.scripts import interpreter
from cudepot.catalog.lock import Artifact
from cudepot.catalog.lock_document import parse_lock, render_lock
from cudepot.catalog.nvidia.site_files import is_keyring_of_ours
from cudepot.catalog.nvidia.site_paths import whole_apt
from cudepot.catalog.site.bundle import parse_manifest, parse_want
from cudepot.catalog.site.snapshot import parse_snapshot
from cudepot.digest import Digest
from cudepot.errors import CudepotError, FormatError
from cudepot.formats import (
    bundle_tar,
    conda_read,
    deb,
    deb822,
    elf,
    pe,
    rpm,
    rpm_header,
    wheel_pieces,
    wheel_read,
    zip_read,
)
from cudepot.formats.apt import Package, PackageIndex, parse_package, parse_relations
from cudepot.formats.apt_listing import listing
from cudepot.formats.apt_odd import oddities, other_sums
from cudepot.formats.apt_release import parse_release
from cudepot.formats.apt_scan import ScannedIndex
from cudepot.formats.archive import read_tar
from cudepot.formats.attestations import attested_hashes
from cudepot.formats.compression import decompressed
from cudepot.formats.conda_repodata import md5_sums, records_of
from cudepot.formats.dates import parse_date
from cudepot.formats.deb_quick import quick_control
from cudepot.formats.filelists import owners_of
from cudepot.formats.members import Members
from cudepot.formats.patch import patched
from cudepot.formats.primary import listing as rpm_listing
from cudepot.formats.primary import parse_entry, read_primary
from cudepot.formats.redistrib import parse_redistrib
from cudepot.formats.repomd import parse_repomd
from cudepot.formats.rich_dependency import parse_rich
from cudepot.formats.sdist_read import Sdist, build_system, read_sdist
from cudepot.formats.simple import JSON_TYPE, parse_page
from cudepot.formats.sources_listing import sources_listing
from cudepot.formats.updateinfo import advisories_of
from cudepot.formats.xml_rewritten import check_well_formed
from cudepot.kinds.conda.rules.channel_names import upstream_of
from cudepot.kinds.rules.conda_files.asked import Line
from cudepot.kinds.rules.conda_files.files import lines_for_pip, read_file
from cudepot.kinds.wheels.rules.core_metadata import as_metadata, required
from cudepot.kinds.wheels.rules.requirement_files import asked_for
from cudepot.kinds.wheels.rules.served import Served
from cudepot.kinds.wheels.rules.shown import shown
from cudepot.kinds.wheels.rules.stubs import stub_of
from cudepot.kinds.wheels.rules.target import Target
from cudepot.kinds.wheels.rules.uv_lock import parse_uv_lock
from cudepot.kinds.wheels.rules.walk import Walk
from cudepot.kinds.yum.rules.groups import Groups
from cudepot.kinds.yum.rules.modules import check_yaml, joined_modules, streams_of, trimmed_modules
from cudepot.kinds.yum.rules.streams import Asked, Modules
from cudepot.kinds.yum.rules.trim import joined_updateinfo, trimmed
from cudepot.openpgp import is_plain_armor, packet_algorithms
from cudepot.sealed import unsealed
from cudepot.signing.cleartext import check_detached, parted
from cudepot.signing.keys import binary_keys, parse_keys

LIMIT = 1 << 20
"""Bytes an archive may unpack to: a fuzzer finds bombs within seconds."""
URL = "https://host.invalid/simple/x/"
INDEX = Upstream("pypi", "simple", "https://host.invalid/simple/")
TARGET = Target("linux-64", "3.12", "2.28")
TOOL = Artifact(
    "u", "rpm", "tool", "1.0-1", "x86_64", "tool-1.0-1.x86_64.rpm", "tool-1.0-1.x86_64.rpm", Digest("a" * 64, 10)
)  # fmt: skip


def _read(members: Members) -> None:
    for _, content in members:
        while content is not None and content.read(1 << 16):
            pass


def _each(*checks: Callable[[], object]) -> None:
    """Do all of them: the refusal of one does not keep bytes from another; raise the last when all of them refuse."""
    refused: list[CudepotError] = []
    for check in checks:
        try:
            found = check()
            if isinstance(found, Iterable):
                list(found)
        except CudepotError as error:
            refused.append(error)
    if len(refused) == len(checks) > 0:
        raise refused[-1]


def release(data: bytes) -> None:
    found = parse_release(data, "Release")
    _each(found.promised, lambda: found.date, lambda: found.valid_until)


def inrelease(data: bytes) -> None:
    _each(lambda: check_detached(data, "Release.gpg"), lambda: parse_release(parted(data, "InRelease")[0], "InRelease"))


def packages(data: bytes) -> None:
    def index() -> None:
        found = PackageIndex(data, "Packages")
        for name in list(found.names()):
            for one in found.named(name):
                _each(one.needs, one.excludes, lambda one=one: one.provides, lambda one=one: one.digest)
            _each(lambda name=name: found.providing(name))

    _each(index, lambda: listing(io.BytesIO(data), "Packages"), lambda: oddities(io.BytesIO(data), "Packages"))
    _each(lambda: other_sums(io.BytesIO(data), "Packages"))


def scanned(data: bytes) -> None:
    """An index that is scanned has what one that is split has."""
    plain, quick = PackageIndex(data, "Packages"), ScannedIndex(data, "Packages")
    assert list(plain.names()) == list(quick.names())
    assert len(plain) == len(quick)
    for name in [*plain.names(), "libcudnn8", "x"]:
        assert _told(lambda name=name: plain.named(name)) == _told(lambda name=name: quick.named(name))
        assert _told(lambda name=name: plain.providing(name)) == _told(lambda name=name: quick.providing(name))
        assert 0 <= quick.first_mention(name) <= quick.size
    _each(lambda: quick.having("Essential", "yes"), lambda: quick.raw(plain.names()))


def _told(read: Callable[[], list[Package]]) -> list[Package] | None:
    try:
        return read()
    except CudepotError:
        return None


def sources(data: bytes) -> None:
    list(sources_listing(io.BytesIO(data), "Sources"))


def stanza(data: bytes) -> None:
    _each(
        lambda: [deb822.parse_stanza(one, "control") for one in deb822.split(data)],
        lambda: deb822.split_stream(io.BytesIO(data), "control"),
        lambda: parse_package(data, "control"),
        lambda: parse_relations(data.decode("utf-8", "replace")),
        lambda: parse_date(data.decode("utf-8", "replace"), "Date"),
    )


def debs(data: bytes) -> None:
    _each(
        lambda: deb.read_control(io.BytesIO(data)),
        lambda: _read(deb.read_deb(io.BytesIO(data), limit=LIMIT)),
        lambda: quick_control(data),
    )


def rpms(data: bytes) -> None:
    def head() -> object:
        one = rpm_header.read_head(io.BytesIO(data), what="rpm")
        return (one.name, one.evr, one.architecture, one.exact_requires, one.payload_digest, one.signatures, one.start)

    _each(head, lambda: _read(rpm.read_rpm(io.BytesIO(data), limit=LIMIT)))


def rpm_heads(data: bytes) -> None:
    found = entries_of(data, Digest("a" * 64, 10), "tool-1.0-1.x86_64.rpm")
    parse_entry(found.primary, "primary")


def primary(data: bytes) -> None:
    def entries() -> None:
        for one in read_primary(io.BytesIO(data), "primary", lambda _: None):
            _each(lambda one=one: (one.nevra, one.path, one.file_name, one.promised, one.place("http://host/")))

    _each(entries, lambda: rpm_listing(io.BytesIO(data), "primary"), lambda: list(_owners(data)))


def _owners(data: bytes) -> Iterable[str]:
    check_well_formed([data], "filelists", "filelists")
    return owners_of(io.BytesIO(data), ["/usr/bin/x"], "filelists")


def repomd(data: bytes) -> None:
    found = parse_repomd(data, "repomd.xml")
    _each(lambda: found.date, lambda: found.check_usable(["primary"]), lambda: [one.promised for one in found.records])


def updateinfo(data: bytes) -> None:
    _each(
        *(lambda kind=kind: trimmed(kind, data, [TOOL], kind) for kind in ("updateinfo", "group")),
        lambda: joined_updateinfo([data, data], "updateinfo"),
        lambda: advisories_of(data, [("tool", "1.0-1", "x86_64")], "updateinfo"),
        lambda: Groups([("comps", data)]).packages("x"),
    )


def modules(data: bytes) -> None:
    _each(
        lambda: check_yaml(data, "modules"),
        lambda: streams_of(data, "modules"),
        lambda: trimmed_modules(data, [TOOL], "modules", lambda _: None),
        lambda: joined_modules([data, data], "modules"),
        lambda: Modules([("modules", data)]).active([Asked("x", "", "")], "el9"),
    )


def rich(data: bytes) -> None:
    parse_rich(data.decode("utf-8", "replace"))


def simple_html(data: bytes) -> None:
    shown("x", parse_page(data, "text/html", URL), INDEX, "2026-01-01T00:00:00.000000Z")


def simple_json(data: bytes) -> None:
    Served("x", parse_page(data, JSON_TYPE, URL), (TARGET,)).page(URL)
    shown("x", parse_page(data, JSON_TYPE, URL), INDEX)


def uv_locks(data: bytes) -> None:
    found = Walk(parse_uv_lock(data.decode("utf-8", "replace")), TARGET)
    for need in found.needs.values():
        found.requires(need)


def wanted_files(data: bytes) -> None:
    """Files that say what an environment wants, which somebody else may have written."""
    _each(*(lambda name=name: asked_for([name], lambda _: data) for name in ("r.txt", "p.toml[x]", "uv.lock")))


def conda_files(data: bytes) -> None:
    """Files of conda, conda-lock and pixi, likewise; the channels they name are looked for as they stand there."""
    _each(*(lambda name=name: _asked(name, data) for name in ("environment.yml", "pixi.toml", "pyproject.toml")))


def _asked(name: str, data: bytes) -> None:
    list(lines_for_pip(name, data, ()))
    found = read_file(name, data, (), ("linux-64", "linux-aarch64"))
    for one in (*found.channels, *found.pinned):
        upstream_of(one.text if isinstance(one, Line) else one.channel, [INDEX])


def attestations(data: bytes) -> None:
    attested_hashes(data, URL)


def wheel(data: bytes) -> None:
    _each(
        lambda: _read(wheel_read.read_wheel(io.BytesIO(data), limit=LIMIT)),
        lambda: wheel_read.read_metadata(io.BytesIO(data)),
        lambda: wheel_pieces.metadata_in_pieces(lambda start, size: data[start : start + size], len(data)),
        lambda: _read(zip_read.read_zip(io.BytesIO(data), limit=LIMIT)),
        lambda: _read(conda_read.read_conda(io.BytesIO(data), limit=LIMIT)),
        lambda: conda_read.read_info(io.BytesIO(data)),
    )


def sdists(data: bytes) -> None:
    def whole() -> None:
        found = read_sdist(io.BytesIO(data), limit=LIMIT)
        _each(lambda: build_system(found), lambda: stub_of(found))

    _each(whole, lambda: build_system(Sdist(data, data)), lambda: stub_of(Sdist(data, data)))
    _each(lambda: list(required(data)), lambda: as_metadata(data, "x", "1"))


def tar(data: bytes) -> None:
    _each(
        lambda: _read(read_tar(io.BytesIO(data), limit=LIMIT)),
        lambda: decompressed(io.BytesIO(data), "packed", limit=LIMIT).read(),
    )


def bundle(data: bytes) -> None:
    list(bundle_tar.members(io.BytesIO(data), "bundle"))


def patches(data: bytes) -> None:
    patched(OLD, io.BytesIO(data), "patch", limit=LIMIT).read()


def packets(data: bytes) -> None:
    _each(lambda: packet_algorithms(data), lambda: is_plain_armor(data))


def keys(data: bytes) -> None:
    _each(lambda: parse_keys(data), lambda: binary_keys(data, "key file"))


def libraries(data: bytes) -> None:
    _each(lambda: elf.read_elf(io.BytesIO(data)), lambda: pe.read_pe(io.BytesIO(data)))


def lock(data: bytes) -> None:
    try:
        document = tomli.loads(data.decode())
    except (ValueError, RecursionError):
        return  # load_lock and load_config refuse it with the line
    _each(lambda: render_lock(parse_lock(document)), lambda: parse_config(document))


def documents(data: bytes) -> None:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = {}  # `bundle export --want` refuses what is not JSON
    whole_apt(data)
    _each(
        lambda: parse_snapshot(data, "snapshot 1"),
        lambda: parse_manifest(data, "manifest 1"),
        lambda: unsealed(data, "record"),
        lambda: parse_want(document, "want"),
    )


def redistrib(data: bytes) -> None:
    parse_redistrib(data)


def repodata(data: bytes) -> None:
    found = records_of(data, "repodata.json")
    _each(lambda: md5_sums(found))


def keyring(data: bytes) -> None:
    if not is_keyring_of_ours("compute/cuda/repos/u/x86_64/cuda-keyring_1.1-1_all.deb", data):
        raise FormatError("not as cudepot makes it")


def listings(data: bytes) -> None:
    read_listing(decode_listing(data))


def installed(data: bytes) -> None:
    """What `doctor` reads on a machine: records of package managers, metadata, scripts, what programs print."""
    text = data.decode("utf-8", "replace")
    interpreter(data)
    for constant in ("MIN_CUDNN_VERSION", "cudnn_version"):
        stated(text, constant)
    records.requirement(text)
    records.conda_package(text, "/opt/env")
    records.wheel_package("/site/nvidia_cudnn_cu12-9.1.0.70.dist-info", text)
    records.dpkg_files(text, text)
    _each(lambda: records.dpkg_packages(text), lambda: records.rpm_packages(text), lambda: texts.gpus(text))
    texts.cached(text)
    texts.alternative_links(text)
    texts.mapped(text, "libcudnn")


TARGETS: dict[str, Callable[[bytes], None]] = (
    {
        one.__name__: one
        for one in (
            *(
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
            ),
            *(
                simple_html,
                simple_json,
                uv_locks,
                wanted_files,
                conda_files,
                attestations,
                wheel,
                sdists,
                tar,
                bundle,
                patches,
                packets,
                keys,
                libraries,
                lock,
                documents,
                redistrib,
            ),
            *(repodata, listings, keyring, installed),
        )
    }
    | CONDA
    | FAR
)

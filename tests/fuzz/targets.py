"""One target for each parser of outside bytes: it reads all of what it is given, or raises CudepotError."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import tomli
from tests.fuzz.corpus import OLD
from tests.fuzz.parts import LIMIT, each, read_members
from tests.fuzz.targets_conda import CONDA
from tests.fuzz.targets_far import FAR
from tests.fuzz.targets_packages import PACKAGES
from tests.parsed import parse_config

from cudepot.catalog.config.listings import decode_listing, read_listing
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.doctor import records, texts
from cudepot.catalog.doctor.records import stated
from cudepot.catalog.doctor.scripts import interpreter
from cudepot.catalog.lock_document import parse_lock, render_lock
from cudepot.catalog.nvidia.site_files import is_keyring_of_ours
from cudepot.catalog.nvidia.site_paths import whole_apt
from cudepot.catalog.site.backup import parse_backup
from cudepot.catalog.site.bundle import parse_manifest, parse_want
from cudepot.catalog.site.pointer import parse_files, parse_pointer
from cudepot.catalog.site.promotion import parse_promotion
from cudepot.catalog.site.snapshot import parse_snapshot
from cudepot.errors import FormatError
from cudepot.formats import (
    bundle_tar,
    conda_read,
    elf,
    pe,
    wheel_pieces,
    wheel_read,
    zip_read,
)
from cudepot.formats.archive import read_tar
from cudepot.formats.attestations import attested_hashes
from cudepot.formats.compression import decompressed
from cudepot.formats.conda_repodata import md5_sums, records_of
from cudepot.formats.patch import patched
from cudepot.formats.redistrib import parse_redistrib
from cudepot.formats.sdist_read import Sdist, build_system, read_sdist
from cudepot.formats.simple import JSON_TYPE, parse_page
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
from cudepot.openpgp import is_plain_armor, packet_algorithms
from cudepot.sealed import unsealed
from cudepot.signing.keys import binary_keys, parse_keys

URL = "https://host.invalid/simple/x/"
INDEX = Upstream("pypi", "simple", "https://host.invalid/simple/")
TARGET = Target("linux-64", "3.12", "2.28")


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
    each(*(lambda name=name: asked_for([name], lambda _: data) for name in ("r.txt", "p.toml[x]", "uv.lock")))


def conda_files(data: bytes) -> None:
    """Files of conda, conda-lock and pixi, likewise; the channels they name are looked for as they stand there."""
    each(*(lambda name=name: _asked(name, data) for name in ("environment.yml", "pixi.toml", "pyproject.toml")))


def _asked(name: str, data: bytes) -> None:
    list(lines_for_pip(name, data, ()))
    found = read_file(name, data, (), ("linux-64", "linux-aarch64"))
    for one in (*found.channels, *found.pinned):
        upstream_of(one.text if isinstance(one, Line) else one.channel, [INDEX])


def attestations(data: bytes) -> None:
    attested_hashes(data, URL)


def wheel(data: bytes) -> None:
    each(
        lambda: read_members(wheel_read.read_wheel(io.BytesIO(data), limit=LIMIT)),
        lambda: wheel_read.read_metadata(io.BytesIO(data)),
        lambda: wheel_pieces.metadata_in_pieces(lambda start, size: data[start : start + size], len(data)),
        lambda: read_members(zip_read.read_zip(io.BytesIO(data), limit=LIMIT)),
        lambda: read_members(conda_read.read_conda(io.BytesIO(data), limit=LIMIT)),
        lambda: conda_read.read_info(io.BytesIO(data)),
    )


def sdists(data: bytes) -> None:
    def whole() -> None:
        found = read_sdist(io.BytesIO(data), limit=LIMIT)
        each(lambda: build_system(found), lambda: stub_of(found))

    each(whole, lambda: build_system(Sdist(data, data)), lambda: stub_of(Sdist(data, data)))
    each(lambda: list(required(data)), lambda: as_metadata(data, "x", "1"))


def tar(data: bytes) -> None:
    each(
        lambda: read_members(read_tar(io.BytesIO(data), limit=LIMIT)),
        lambda: decompressed(io.BytesIO(data), "packed", limit=LIMIT).read(),
    )


def bundle(data: bytes) -> None:
    list(bundle_tar.members(io.BytesIO(data), "bundle"))


def patches(data: bytes) -> None:
    patched(OLD, io.BytesIO(data), "patch", limit=LIMIT).read()


def packets(data: bytes) -> None:
    each(lambda: packet_algorithms(data), lambda: is_plain_armor(data))


def keys(data: bytes) -> None:
    each(lambda: parse_keys(data), lambda: binary_keys(data, "key file"))


def libraries(data: bytes) -> None:
    each(lambda: elf.read_elf(io.BytesIO(data)), lambda: pe.read_pe(io.BytesIO(data)))


def lock(data: bytes) -> None:
    try:
        document = tomli.loads(data.decode())
    except (ValueError, RecursionError):
        return  # load_lock and load_config refuse it with the line
    each(lambda: render_lock(parse_lock(document)), lambda: parse_config(document))


def documents(data: bytes) -> None:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = {}  # `bundle export --want` refuses what is not JSON
    whole_apt(data)
    each(
        lambda: parse_snapshot(data, "snapshot 1"),
        lambda: parse_manifest(data, "manifest 1"),
        lambda: parse_backup(data, "backup"),
        lambda: parse_promotion(data, "promotion 1"),
        lambda: unsealed(data, "record"),
        lambda: parse_pointer(data, "pointer"),
        lambda: parse_files(data, "files of a snapshot"),
        lambda: parse_want(document, "want"),
    )


def redistrib(data: bytes) -> None:
    parse_redistrib(data)


def repodata(data: bytes) -> None:
    found = records_of(data, "repodata.json")
    each(lambda: md5_sums(found))


def keyring(data: bytes) -> None:
    if not is_keyring_of_ours("compute/cuda/repos/u/x86_64/cuda-keyring_1.1-1_all.deb", data):
        raise FormatError("not a cuda-keyring")


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
    each(lambda: records.dpkg_packages(text), lambda: records.rpm_packages(text), lambda: texts.gpus(text))
    texts.cached(text)
    texts.alternative_links(text)
    texts.mapped(text, "libcudnn")


TARGETS: dict[str, Callable[[bytes], None]] = (
    {
        one.__name__: one
        for one in (
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
    | PACKAGES
    | CONDA
    | FAR
)

"""Builds the packages of one job: unpacks its artifacts, checks payload and licence, packs conda and wheels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from cudepot.catalog.ecosystems import ArtifactKind, Output
from cudepot.catalog.lock import Lock
from cudepot.depot.builds import Built, Job, origins_of, record
from cudepot.depot.depot import Workshop
from cudepot.digest import Digest, Hasher, hasher
from cudepot.formats.conda import Home, Zstd, conda_package, write_conda
from cudepot.formats.payload import Payload, Role
from cudepot.formats.payload_check import PayloadReport, check_payload
from cudepot.formats.payload_shipped import check_shipped
from cudepot.formats.release import Release
from cudepot.formats.sbom import Origin
from cudepot.formats.wheel_write import wheel_of, write_wheel
from cudepot.ports import OpenObject
from cudepot.store.local import LocalStore
from cudepot.workflows.build.licences import NotAcceptedError, Text
from cudepot.workflows.build.recipes import makes_wheels, recipes_of, wheel_rules
from cudepot.workflows.build.unpack import WITHOUT, Counting, chunks, load_rules, unpack


def build_job(workshop: Workshop, lock: Lock, job: Job, key: str) -> list[Built]:
    """Make everything a job asks for and note it; ``cuda-version`` is metadata alone and made of no artifact."""
    with workshop.store.scratch() as scratch:
        if not job.artifacts:
            built = list(_conda(workshop, job, None, scratch, (), (0, 0)))
            record(workshop.store, key, job, built, "")
            return built
        payload = unpack(workshop, job, scratch, frozenset() if Output.STATIC in job.outputs else WITHOUT)
        licence = check_eula(workshop.store, lock, job, payload, scratch)
        report = _check(workshop.recipes, job, payload, scratch)
        origins = origins_of(lock, job) if workshop.config.build.provenance == "inside" else ()
        built = []
        if {Output.CONDA, Output.STATIC} & set(job.outputs):
            built += _conda(workshop, job, payload, scratch, origins, report.glibc)
        built += [_wheel(workshop, job, payload, report, scratch, origins, label) for label in _labels(workshop, job)]
    record(workshop.store, key, job, built, licence)
    return built


def _check(recipes: Path, job: Job, payload: Payload, scratch: LocalStore) -> PayloadReport:
    rules = load_rules(recipes, job.recipe)
    if rules.as_shipped:
        return check_shipped(payload, scratch.open)
    return check_payload(payload, scratch.open, rules.needs)


def check_eula(store: LocalStore, lock: Lock, job: Job, payload: Payload, scratch: LocalStore) -> str:
    """Refuse to build until the licence text found in the artifact has been accepted; return its sha256."""
    licence = _licence(payload)
    if licence.sha256 in lock.accepted_eula:
        return licence.sha256
    with scratch.open(licence) as text:
        kept = store.add(chunks(text))
    raise NotAcceptedError(Text(job, kept))


def _conda(
    workshop: Workshop,
    job: Job,
    payload: Payload | None,
    scratch: LocalStore,
    origins: tuple[Origin, ...],
    glibc: tuple[int, int],
) -> Iterator[Built]:
    from cudepot.builders.render import render_recipe, with_glibc  # noqa: PLC0415 - loads rattler-build

    release, build = job.release, workshop.config.build
    zstd = Zstd(build.zstd_level, build.zstd_window)
    licence = _licence(payload) if payload else None
    facts = {
        "cudepot": {
            "release": _about(release),
            "licence-sha256": licence.sha256 if licence else "",
        }
    }
    home = Home(f"https://{workshop.config.site.label}.invalid", f"conda/{workshop.config.site.channel}")
    subdir = "linux-64" if release.subdir == "noarch" else release.subdir
    recipes = recipes_of(workshop.recipes, job, payload, build.number, closed=build.closed_channel)
    for output in (one for recipe, variant in recipes for one in render_recipe(recipe, variant, subdir)):
        package = conda_package(with_glibc(output, glibc), payload, facts, origins, home)
        label = f"packing {package.filename}"
        total = sum(one.digest.size for one in package.files if one.digest) + (licence.size if licence else 0)
        md5 = hasher("md5")
        digest = _pack(
            workshop,
            label,
            total,
            scratch,
            lambda out, open_object, package=package: write_conda(  # type: ignore[misc]
                out, package, open_object, zstd=zstd, timestamp_ms=workshop.epoch * 1000
            ),
            md5,
        )
        yield Built(ArtifactKind.CONDA, output.subdir, package.filename, digest, md5.hexdigest())


def _licence(payload: Payload) -> Digest:
    """Return the licence text of a payload, which every payload has."""
    licence = next(one.digest for one in payload.files if one.role is Role.LICENCE)
    assert licence is not None, "assemble() gives a licence as a regular file"
    return licence


def _about(release: Release) -> dict[str, str]:
    """Return what about.json says of a release."""
    found = {"product": release.product, "version": release.version, "cuda": release.cuda}
    return found | ({"part": release.part} if release.part else {})


def _labels(workshop: Workshop, job: Job) -> Iterator[str]:
    """Give the local version label of each wheel that a job makes; ``cuda-wheel`` is the one that names the variant."""
    if job.release.part or not makes_wheels(workshop.recipes, job.recipe):
        return
    label = f"{workshop.config.site.label}.{workshop.config.build.number}"
    if Output.WHEEL in job.outputs:
        yield label
    if Output.CUDA_WHEEL in job.outputs:
        yield f"cuda{job.release.cuda}.{label}"


def _wheel(
    workshop: Workshop,
    job: Job,
    payload: Payload,
    report: PayloadReport,
    scratch: LocalStore,
    origins: tuple[Origin, ...],
    label: str,
) -> Built:
    rules = wheel_rules(workshop.recipes, job.recipe)
    wheel = wheel_of(payload, rules, label=label, glibc=report.glibc, origins=origins)
    total = sum(one.digest.size for one in payload.files if one.digest and one.role is not Role.STATIC)
    digest = _pack(
        workshop,
        f"packing {wheel.filename}",
        total,
        scratch,
        lambda out, open_object: write_wheel(out, wheel, open_object, level=workshop.config.build.deflate_level),
    )
    return Built(ArtifactKind.WHEEL, "", wheel.filename, digest)


def _pack(
    workshop: Workshop,
    label: str,
    total: int,
    scratch: LocalStore,
    write: Callable[[BinaryIO, OpenObject], object],
    *also: Hasher,
) -> Digest:
    """Write one package into the store, with progress over the payload's bytes; ``also`` get the package's.

    Bytes count when they are read to be compressed, which happens no sooner than there is a free compressor.
    """

    def counted(digest: Digest) -> BinaryIO:
        return cast("BinaryIO", Counting(scratch.open(digest), workshop.progress.advance))

    workshop.progress.begin(label, total)
    try:
        return workshop.store.make(lambda out: write(out, counted), *also)
    finally:
        workshop.progress.end()

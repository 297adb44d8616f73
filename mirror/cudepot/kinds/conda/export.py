"""The conda packages an export is about: one consistent set, solved over the channel that the site shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from cudepot.catalog.ecosystems import HeldKind
from cudepot.catalog.nvidia.cuda_variant import same_cuda
from cudepot.catalog.site.choice import Choice, selected
from cudepot.catalog.site.holdings import Held, SiteFacts, newest_builds
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.formats.conda_repodata import Record, depended, lacking
from cudepot.kinds.conda.channel import channel_records
from cudepot.store.local import LocalStore

_CUDA = "cuda-version"


def conda_set(
    store: LocalStore, snapshot: Snapshot, site: SiteFacts, choice: Choice
) -> tuple[tuple[Held, ...], list[str]]:
    """Return the chosen packages with all they need in the channel, and what they need from elsewhere.

    Raises:
        PinError: it is not clear which is meant, or no environment can have all of it.
    """
    records = {
        path: one
        for path, one in channel_records(store, snapshot.tree, site.channel)
        if path.startswith((f"{site.channel}/{choice.platform}/", f"{site.channel}/noarch/"))
    }
    versions = [str(one["version"]) for one in records.values() if one["name"] == _CUDA]
    versions = [one for one in versions if same_cuda(one, choice.cuda)]
    fitting = {path: one for path, one in records.items() if not choice.cuda or _is_for(one, versions)}
    held = [one for one in site.of(HeldKind.CONDA) if one.path in fitting]
    if not held and choice.cuda:
        selected(site.held, (HeldKind.CONDA,), choice)  # says why there are none
    roots = newest_builds(selected(held or site.held, (HeldKind.CONDA,), choice), choice.platform)
    wanted = {one.path for one in roots}
    kept = {path for path in fitting if choice.only or path in wanted}
    chosen = _solved(site, {path: fitting[path] for path in kept}, roots, choice.platform)
    found = [
        replace(one, md5=str(records[one.path].get("md5", ""))) for one in site.of(HeldKind.CONDA) if one.path in chosen
    ]
    return tuple(found), lacking(records[one.path] for one in found)


def _is_for(record: Record, versions: Sequence[str]) -> bool:
    """Return whether a package goes with a CUDA version by what it needs of ``cuda-version``.

    ``versions`` are those of ``cuda-version`` in the channel that are of this CUDA.
    """
    if record["name"] == _CUDA:
        return str(record["version"]) in versions
    needs = [spec for spec in record.get("depends", ()) if depended(spec) == _CUDA]
    return not needs or not versions or any(_admits(spec, version) for spec in needs for version in versions)


def _admits(spec: str, version: str) -> bool:
    """Return whether a bound as packages have it, ``cuda-version >=12.9,<12.10.0a0``, admits a CUDA version."""
    try:
        return SpecifierSet(spec.partition(" ")[2]).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True  # the solver will say


def _solved(site: SiteFacts, records: Mapping[str, Record], roots: Sequence[Held], platform: str) -> set[str]:
    """Return the paths of the packages of a solution that has all roots."""
    from cudepot.builders.channel_choice import pick  # noqa: PLC0415 - starts the solver

    short = {path.removeprefix(f"{site.channel}/"): one for path, one in records.items()}
    specs = [f"{one.name} =={one.version} {one.build}" for one in roots]
    return {f"{site.channel}/{path}" for path in pick(short, specs, platform)}

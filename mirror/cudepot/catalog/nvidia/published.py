"""The files NVIDIA has published of cuDNN, by hash, and what each release supports: ``channel-config/catalog/``.

A file is known by its sha256. Names are not enough: 7.0 and 7.1 used the same ones for other bytes, and 8.4.0 was
replaced in place. The table is data that was gathered and reviewed, not a promise of NVIDIA's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from cudepot.catalog.fields import Table
from cudepot.catalog.nvidia.cuda_variant import same_cuda
from cudepot.errors import ConfigError
from cudepot.formats.release import Release

VERSION = 1
PLATFORMS = {
    "linux-x64": "linux-64",
    "linux-x86_64": "linux-64",
    "linux-sbsa": "linux-aarch64",
    "linux-aarch64sbsa": "linux-aarch64",
    "linux-aarch64": "linux-tegra",
    "linux-ppc64le": "linux-ppc64le",
    "windows-x64": "win-64",
    "windows-x86_64": "win-64",
    "windows-arm64": "win-arm64",
    "osx-x64": "osx-64",
    "source": "noarch",
}
"""NVIDIA's platform names and conda's. Jetson has none of its own there: ``linux-tegra``."""
FORMS = ("tgz", "tar.xz", "zip", "wheel", "deb", "rpm")
_ENDINGS = {".tgz": "tgz", ".tar.xz": "tar.xz", ".zip": "zip", ".whl": "wheel", ".deb": "deb", ".rpm": "rpm"}
_PARTS = {"cudnn": "", "cudnn_jit": "jit", "cudnn_samples": "samples"}
_WHEELS = " (wheels as the Python package index had them when this catalog was made)"
_FULL = {"10": "10.2"}  # what 8.5 to 8.7 call 10 is 10.2; other major versions stand for all of theirs
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Published:
    """One file as NVIDIA published it.

    Attributes:
        file: its name, which may be that of other files too.
        sha256: what it is; empty where the name is known from a listing only.
        size: bytes; 0 where that is not known.
        version: as NVIDIA counts; three parts where no file name has ever said the fourth.
        cuda: CUDA variant; ``11`` stands for all of 11.x; empty for samples without one.
        platform: conda's name, see ``PLATFORMS``.
        part: empty, ``jit`` or ``samples``.
        url: where it was published; empty where that is not known.
        source: who recorded the hash.
        note: what else there is to know.
    """

    file: str
    sha256: str
    size: int
    version: str
    cuda: str
    platform: str
    part: str
    url: str
    source: str
    note: str

    @property
    def form(self) -> str:
        """One of ``FORMS``."""
        return next((form for ending, form in _ENDINGS.items() if self.file.endswith(ending)), "")

    @property
    def release(self) -> Release:
        """The release it is of; samples for one platform belong to the release itself."""
        part = "" if self.part == "samples" and self.platform != "noarch" else self.part
        return Release("cudnn", self.version, self.cuda, self.platform, part)


@dataclass(frozen=True, slots=True)
class Support:
    """What NVIDIA said that releases work with.

    Attributes:
        first, last: cuDNN versions, both included; compared as far as they go.
        cuda: CUDA variant of the build, as a prefix: ``11``, ``10.2``.
        toolkits: CUDA versions it may be used with.
        driver: oldest driver on Linux; empty where not known.
        windows_driver: oldest driver on Windows, likewise.
        capability: GPUs, by compute capability, likewise.
        distributions: operating systems named, likewise.
        note, source: more, and where it was read.
    """

    first: str
    last: str
    cuda: str
    toolkits: str = ""
    driver: str = ""
    windows_driver: str = ""
    capability: str = ""
    distributions: str = ""
    note: str = ""
    source: str = ""

    def covers(self, version: str, cuda: str) -> bool:
        """Return whether this is about a release built for a CUDA variant."""
        number, first, last = _number(version), _number(self.first), _number(self.last)
        inside = number[: len(first)] >= first and number[: len(last)] <= last
        return inside and same_cuda(self.cuda, cuda)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that is known."""

    files: tuple[Published, ...]
    support: tuple[Support, ...]

    def identify(self, sha256: str) -> Published | None:
        """Return the file with these bytes."""
        return next((one for one in self.files if sha256 and one.sha256 == sha256), None)

    def called(self, name: str) -> tuple[Published, ...]:
        """Return all files that were published under a name."""
        plain = name.replace("%2B", "+").replace("%2b", "+")
        return tuple(one for one in self.files if one.file == plain and one.sha256)

    def reach(self) -> str:
        """Return how far the catalog goes, for those who ask about a file it does not know."""
        whole = [one for one in self.files if not one.part and one.sha256]
        wheels = [one for one in whole if one.form == "wheel"]
        archives = [one for one in whole if one.form in ("tgz", "tar.xz", "zip")]
        upto = f"archives up to {_newest(archives) or 'none'}, wheels up to {_newest(wheels) or 'none'}"
        return f"the catalog knows {upto}, and only a few debs and rpms: their repositories are signed"

    def supports(self, one: Published) -> tuple[Support, ...]:
        """Return what is known of the release a file is of."""
        return tuple(row for row in self.support if row.covers(one.version, one.cuda))


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; an empty field means anything.

    Attributes:
        version: glob, or the first parts of a version.
        cuda: ``11.1`` or ``11``.
        platform: conda's name or one of NVIDIA's.
        form: one of ``FORMS``.
        parts: also samples, and the libraries that compile at run time alone.
    """

    version: str = ""
    cuda: str = ""
    platform: str = ""
    form: str = ""
    parts: bool = False

    def fits(self, one: Published) -> bool:
        """Return whether a file is meant."""
        return (
            fits_version(self.version, one.version)
            and (self.parts or not one.part)
            and (not self.cuda or not one.cuda or same_cuda(self.cuda, _FULL.get(one.cuda, one.cuda)))
            and (not self.platform or one.platform in (self.platform_name, "noarch"))
            and self.form in ("", one.form)
        )

    @property
    def platform_name(self) -> str:
        """The platform as the catalog has it: conda's ``linux-aarch64`` is NVIDIA's SBSA, not its Jetson."""
        if self.platform in PLATFORMS.values():
            return self.platform
        return PLATFORMS.get(self.platform, PLATFORMS.get(f"linux-{self.platform}", self.platform))


def fits_version(wanted: str, version: str) -> bool:
    """Return whether a version is one that is asked for: by a glob, or by its first parts; empty for any."""
    return not wanted or fnmatchcase(version, wanted) or version.startswith(f"{wanted}.")


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))


def select(catalog: Catalog, query: Query) -> tuple[Published, ...]:
    """Return the files that are meant, by version, CUDA, platform and name."""
    if query.platform and query.platform_name not in PLATFORMS.values():
        raise ConfigError(
            f"unknown platform {query.platform!r}", hint=f"known: {', '.join(dict.fromkeys(PLATFORMS.values()))}"
        )
    found = (one for one in catalog.files if query.fits(one))
    return tuple(sorted(found, key=lambda one: (_number(one.version), _number(one.cuda), one.platform, one.file)))


def why_not(catalog: Catalog, query: Query) -> str:
    """Return in words why nothing fits, by asking for less; empty when something does."""
    if select(catalog, query):
        return ""
    releases = [one for one in catalog.files if not one.part]
    at_all = [one for one in releases if fits_version(query.version, one.version)]
    if not at_all:
        return f"no release {query.version} is known; the newest is {_newest(releases)}"
    if query.form in ("deb", "rpm"):
        return (
            f"{query.form}s are not in the catalog by hash, except for a few: their repositories are signed, so "
            "pin them "
            "there (`cudepot upstreams` lists the presets)"
        )
    named = _named(query, at_all)
    here = [one for one in at_all if query.platform_name in ("", one.platform)]
    if not here:
        return (
            f"{named} does not exist for {query.platform_name}; it does for {_listed(one.platform for one in at_all)}"
            + (_ends(query, releases))
        )
    fitting = [one for one in here if Query(cuda=query.cuda).fits(one)]
    if not fitting:
        return _no_cuda(query, named, at_all, here, releases)
    told = f"{named} does not exist as {query.form}; it does as {', '.join(sorted({one.form for one in fitting}))}"
    return told + (_WHEELS if query.form == "wheel" else "")


def _no_cuda(
    query: Query, named: str, at_all: Sequence[Published], here: Sequence[Published], releases: Sequence[Published]
) -> str:
    place = f" on {query.platform_name}" if query.platform else ""
    told = f"{named} was not built for CUDA {query.cuda}{place}; it was for {_listed(one.cuda for one in here)}"
    elsewhere = {one.platform for one in at_all if Query(cuda=query.cuda).fits(one)}
    if elsewhere:
        return f"{told} (for CUDA {query.cuda} it exists on {_listed(elsewhere)})"
    return told + _ends(Query(cuda=query.cuda, platform=query.platform), releases)


def _ends(query: Query, releases: Sequence[Published]) -> str:
    """Return where what was asked for, whatever the version, begins and ends."""
    found = [one for one in releases if Query(cuda=query.cuda, platform=query.platform).fits(one)]
    what = " and ".join(filter(None, (query.cuda and f"CUDA {query.cuda}", query.platform_name)))
    if not found:
        return f"; nothing is known for {what}"
    return f"; {what}: cuDNN {_newest(found, last=False)} to {_newest(found)}"


def _newest(found: Sequence[Published], *, last: bool = True) -> str:
    versions = sorted({one.version for one in found}, key=_number)
    return versions[-1 if last else 0] if versions else ""


def _named(query: Query, found: Sequence[Published]) -> str:
    versions = {one.version for one in found}
    return f"cuDNN {versions.pop()}" if len(versions) == 1 else f"cuDNN {query.version or 'of any version'}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names), key=lambda one: (_number(one), one)))


def parse_catalog(documents: Iterable[Mapping[str, object]], support: Mapping[str, object]) -> Catalog:
    """Return the catalog; raise ConfigError that names the place of the first fault."""
    files = [one for document in documents for one in _files(Table(document))]
    root = Table(support)
    rows = tuple(_support(one) for one in root.tables("support"))
    root.done()
    return Catalog(tuple(files), rows)


def _files(root: Table) -> list[Published]:
    if root.integer("version") != VERSION:
        raise ConfigError(f"a catalog of version {root.integer('version')}; this cudepot reads {VERSION}")
    base, sources = root.text("base"), root.mapping("sources")
    found = [_known(one, base, sources) for one in root.tables("files")]
    root.done()
    return found


def _known(table: Table, base: str, sources: Mapping[str, str]) -> Published:
    sha256, folder = table.text("sha256", ""), table.text("folder", "")
    if sha256 and not _SHA256.fullmatch(sha256):
        raise ConfigError(f"expected 64 hex digits in {table.path('sha256')!r}")
    name = table.text("file")
    component = table.choice("component", tuple(_PARTS), "cudnn")
    platform = PLATFORMS[table.choice("platform", tuple(PLATFORMS))]
    source = table.text("source")
    found = Published(
        file=name,
        sha256=sha256,
        size=table.integer("size", 0),
        version=table.text("release"),
        cuda=table.text("cuda", ""),
        platform=platform,
        part=_PARTS[component],
        url=f"{base}{folder}/{name}" if folder else "",
        source=sources.get(source, source),
        note=table.text("note", ""),
    )
    table.done()
    return found


def _support(table: Table) -> Support:
    keys = ("toolkits", "driver", "windows-driver", "capability", "distributions", "note", "source")
    optional = {key.replace("-", "_"): table.text(key, "") for key in keys}
    found = Support(table.text("first"), table.text("last"), table.text("cuda"), **optional)
    table.done()
    return found

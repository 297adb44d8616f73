"""Which releases of cuDNN wishes mean, by what the catalog knows: the newest that fits, unless they say more. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cudepot.catalog.nvidia.first_pins import Meant, Wishes, repository
from cudepot.catalog.nvidia.published import Catalog, Query, select, why_not
from cudepot.errors import ConfigError

_PLATFORMS = {
    "x86_64": "linux-64", "sbsa": "linux-aarch64", "arm64": "linux-aarch64", "aarch64": "linux-aarch64",
    "ppc64le": "linux-ppc64le", "ppc64el": "linux-ppc64le",
}  # fmt: skip
_VERSION = re.compile(r"\d+(\.\d+){0,3}|\d+(\.\d+){0,2}\.\*")
_CUDA = re.compile(r"\d+(\.\d+)?")
_EACH = 5
"""Newest minor versions of cuDNN that are offered."""
_PARTS = 4  # of a whole version


def platform_of(name: str) -> str:
    """Return the platform, as conda calls it, of a repository; empty where nothing is known of it."""
    return _PLATFORMS.get(name.partition("/")[2], "")


def check_cudnn(text: str) -> str:
    """Return a version of cuDNN, or the beginning of one; raise ConfigError for what is none."""
    if not _VERSION.fullmatch(text):
        raise ConfigError(
            f"{text!r} is not a cuDNN version",
            hint="9.12.0.46; the first digits for their newest: 9.12, 9; or all of them: 9.12.*",
        )
    return text


def check_cuda(text: str) -> str:
    """Return a version of CUDA; raise ConfigError for what is none."""
    if not _CUDA.fullmatch(text):
        raise ConfigError(f"{text!r} is not a CUDA version", hint="--cuda 11.1, --cuda 12")
    return text


def versions(catalog: Catalog, platform: str = "", cuda: str = "") -> list[str]:
    """Return the known releases of cuDNN, the newest first."""
    found = (one.version for one in select(catalog, Query("", cuda, platform)) if _is_archive(one.form))
    return list(dict.fromkeys(reversed(list(found))))


def offered(catalog: Catalog) -> list[str]:
    """Return the releases that people choose from: the newest of the newest minor versions, and of the major before."""
    series: dict[str, str] = {}
    for one in versions(catalog):
        series.setdefault(".".join(one.split(".")[:2]), one)
    newest = list(series.values())
    major = newest[0].split(".", maxsplit=1)[0]
    older = [one for one in newest if not one.startswith(f"{major}.")]
    return [*newest[:_EACH], *older[:1]]


def cudas(catalog: Catalog, cudnns: Sequence[str], platform: str = "") -> list[str]:
    """Return the CUDAs that releases of cuDNN were built for, the newest first."""
    wanted = [_newest(catalog, one, "", platform) or one for one in cudnns]
    files = (one for version in wanted for one in select(catalog, Query(version, "", platform)))
    found = {one.cuda for one in files if _is_archive(one.form)}
    return sorted(filter(None, found), key=lambda text: [int(part) for part in text.split(".")], reverse=True)


def meant(catalog: Catalog, wishes: Wishes) -> tuple[Meant, ...]:
    """Return the releases that wishes mean in each repository.

    Of several versions and CUDAs those are taken that NVIDIA built; one that was built with none of the others stays,
    for `lock` to say what is wrong with it.
    """
    names = dict.fromkeys(map(repository, wishes.distributions))
    return tuple(one for name in names for one in _of(catalog, wishes, name))


def _of(catalog: Catalog, wishes: Wishes, name: str) -> Iterator[Meant]:
    platform = platform_of(name)
    cudnns = wishes.cudnns or (_newest(catalog, "", next(iter(wishes.cudas), ""), platform),)
    usual = cudas(catalog, cudnns[:1], platform) or cudas(catalog, versions(catalog)[:1])
    every = [(cudnn, cuda) for cudnn in cudnns for cuda in wishes.cudas or usual[:1]]
    built = [pair for pair in every if _is_built(catalog, *pair, platform)]
    for cudnn, cuda in every:
        alone = not any(cudnn == pair[0] or cuda == pair[1] for pair in built)
        if (cudnn, cuda) in built or alone or not _is_known(catalog, cudnn):
            yield Meant(name, _settled(catalog, cudnn, cuda, platform), cuda)


def _is_built(catalog: Catalog, cudnn: str, cuda: str, platform: str) -> bool:
    return any(_is_archive(one.form) for one in select(catalog, Query(cudnn, cuda, platform)))


def _is_known(catalog: Catalog, cudnn: str) -> bool:
    return bool(select(catalog, Query(cudnn)))


def _settled(catalog: Catalog, cudnn: str, cuda: str, platform: str) -> str:
    """Return the newest version that begins as is said; what says all, or is newer than the catalog, as it is."""
    if cudnn.endswith("*") or cudnn.count(".") == _PARTS - 1:
        return cudnn
    return _newest(catalog, cudnn, cuda, platform) or _newest(catalog, cudnn, "", "") or f"{cudnn}.*"


def _newest(catalog: Catalog, cudnn: str, cuda: str, platform: str) -> str:
    found = [one.version for one in select(catalog, Query(cudnn, cuda, platform)) if _is_archive(one.form)]
    return found[-1] if found else ""


def _is_archive(form: str) -> bool:
    return form in ("tgz", "tar.xz")


def judge(catalog: Catalog, cudnns: Sequence[str], cuda: str) -> str:
    """Return a CUDA that one of several releases was built for; raise ConfigError where none was."""
    known = [one for one in cudnns if _is_known(catalog, one)]
    if check_cuda(cuda) and known and not any(_is_built(catalog, one, cuda, "") for one in known):
        there = ", ".join(cudas(catalog, known))
        raise ConfigError(why_not(catalog, Query(known[0], cuda)), hint=f"it was built for CUDA {there}")
    return cuda

"""What ``cudepot init`` asks on a terminal, one answer after the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from cudepot.cli.questions import Choice, ask, ask_all, confirm, show
from cudepot.errors import CudepotError

if TYPE_CHECKING:
    from cudepot.catalog.nvidia.first_pins import Wishes
    from cudepot.catalog.nvidia.published import Catalog
    from cudepot.catalog.stacks.chosen import StackWishes
    from cudepot.catalog.stacks.stacks import Stacks

CUDNN, NOTHING = "cudnn-packages", "nothing"
_OFFERED = 6
_SEVERAL = "separate several with commas"


def ask_label() -> str:
    """Return who somebody is."""
    from cudepot.catalog.config.site import parse_label

    text = "label: your name for the site, in one word; it ends the version of every wheel made here (8.0.5.39+LABEL.1)"
    return ask(text, partial(parse_label, where="the label"), default="site")


def ask_wishes(limit: int) -> Wishes | StackWishes | None:
    """Return what somebody wants; None for nothing but examples. Above ``limit`` bytes no is the usual answer."""
    from cudepot.depot.shipped import load_stacks

    stacks = [Choice(one.name, one.title) for one in load_stacks().by_name.values()]
    first = [
        Choice(CUDNN, "NVIDIA's cuDNN packages for distributions; conda packages and wheels made from them"),
        Choice(NOTHING, "a cudepot.toml with examples: `cudepot add` fills it"),
    ]
    while True:
        known = {one.value for one in (*first, *stacks)}
        names = ask_all(
            f"what do you want ({_SEVERAL})", partial(_one_of, known), default=CUDNN, choices=[*first, *stacks]
        )
        if NOTHING in names:
            return None
        chosen = [one for one in names if one != CUDNN]
        if chosen and CUDNN in names:
            show(f"{CUDNN} in addition to stacks: choose the stacks alone, and `cudepot add` brings the packages")
        elif found := (_stacks(chosen) if chosen else _cudnn(limit)):
            return found


def _one_of(known: set[str], word: str) -> str:
    from cudepot.cli.parsing import nearest
    from cudepot.errors import ConfigError

    if word not in known:
        raise ConfigError(f"{word!r} is none of them", hint=nearest(word, known) or "give a number or a name")
    return word


def _cudnn(limit: int) -> Wishes | None:
    """Ask for packages of cuDNN; return None where what they come to is too much."""
    from cudepot.catalog.nvidia.first_pins import Wishes
    from cudepot.cli.init_sizes import oversized, sizes
    from cudepot.depot.nvidia_catalog import load_catalog
    from cudepot.workflows.init.init import outlook

    names, catalog = _repositories(), load_catalog()
    cudnns = _cudnns(catalog)
    cudas = _cudas(catalog, cudnns)
    both = confirm("also conda packages and wheels?", default=False)
    closed = both and confirm("for machines that see only your site (also cuBLAS and NVRTC)?", default=False)
    wishes = Wishes(tuple(names), tuple(cudnns), tuple(cudas), both, closed)
    expected = outlook(wishes)
    over = oversized(expected, limit)
    show(*sizes(expected), *over)
    return wishes if confirm("write cudepot.toml with these pins?", default=not over) else None


def _repositories() -> list[str]:
    from cudepot.catalog.nvidia.first_pins import check_repository
    from cudepot.depot.shipped import load_presets
    from cudepot.workflows.init.keys import brought

    presets, choices = load_presets(), list[Choice]()
    for one in presets.repositories.values():
        name = one.name.removeprefix("nvidia/")
        if one.vendor == "nvidia" and name.count("/") == 1 and one.is_signed and one.vouchers and "cross" not in name:
            choices.append(Choice(name, "" if brought(one.vouchers) else "you provide its key file"))
    judge = partial(check_repository, presets=presets)
    return ask_all(f"distributions ({_SEVERAL})", judge, default=_newest_ubuntu(choices), choices=choices)


def _newest_ubuntu(choices: Sequence[Choice]) -> str:
    ready = [one.value for one in choices if not one.about and one.value.startswith("ubuntu") and "x86_64" in one.value]
    return max(ready)


def _cudnns(catalog: Catalog) -> list[str]:
    from cudepot.catalog.nvidia.first_releases import check_cudnn, offered

    releases = offered(catalog)
    choices = [Choice(one, "the newest" if one == releases[0] else "") for one in releases]
    text = f"cuDNN (9.12 is its newest, 9.12.* all of it; {_SEVERAL})"
    return ask_all(text, check_cudnn, default=releases[0], choices=choices)


def _cudas(catalog: Catalog, cudnns: Sequence[str]) -> list[str]:
    from cudepot.catalog.nvidia.first_releases import cudas, judge

    known = cudas(catalog, cudnns)
    choices = [Choice(one) for one in known]
    return ask_all(f"CUDA ({_SEVERAL})", lambda one: judge(catalog, cudnns, one), default=known[0], choices=choices)


def _stacks(names: Sequence[str]) -> StackWishes | None:
    """Ask for what stacks need; return None where somebody wants something else after all."""
    from cudepot.catalog.stacks.chosen import StackWishes
    from cudepot.cli.init_stacks import stack_lines
    from cudepot.depot.shipped import load_stacks

    where, stacks = _distributions(), load_stacks()
    needs = {need for name in names for part in stacks.parts(name) for need in part.needs}
    cudas = _toolkits() if "cuda" in needs else [""]
    driver = _driver(cudas, stacks) if "driver" in needs else ""
    kernels = _kernels() if "kernel" in needs else []
    wishes = StackWishes(tuple(names), tuple(where), cudas[0], driver, tuple(kernels), more_cudas=tuple(cudas[1:]))
    try:
        lines = stack_lines(wishes)
    except CudepotError as error:
        show(str(error), f"hint: {error.hint}")
        return None
    show(*lines)
    return wishes if confirm("write cudepot.toml with these environments?", default=True) else None


def _distributions() -> list[str]:
    from cudepot.catalog.stacks.chosen import target
    from cudepot.depot.shipped import load_presets

    presets = load_presets()
    choices = [Choice(one.name, one.title) for one in presets.distributions.values()]

    def known(text: str) -> str:
        target(text, presets)
        return text

    usual = max(one.value for one in choices if one.value.startswith("ubuntu"))
    return ask_all(f"distributions ({_SEVERAL}; rocky9/aarch64)", known, default=usual, choices=choices)


def _toolkits() -> list[str]:
    """Ask for CUDAs, of which each gets an environment."""
    from cudepot.catalog.stacks.chosen import odd_cuda
    from cudepot.depot.nvidia_catalog import load_components

    known = load_components().versions()
    newest = sorted(known, key=_numbers, reverse=True)

    def judge(text: str) -> str:
        show(*odd_cuda(text, known))
        return text

    choices = [Choice(one) for one in newest[:_OFFERED]]
    return ask_all(f"CUDA (as 12.6; {_SEVERAL})", judge, default=newest[0], choices=choices)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _driver(cudas: Sequence[str], stacks: Stacks) -> str:
    from cudepot.catalog.stacks.chosen import check_pair, odd_driver

    def judge(text: str) -> str:
        show(*odd_driver(text, stacks))
        for one in cudas:
            check_pair(one, text, stacks)
        return text

    newest = [str(one) for one in sorted(stacks.drivers, reverse=True)[:_OFFERED]]
    return ask("driver branch", judge, default=newest[0], choices=[Choice(one) for one in newest])


def _kernels() -> list[str]:
    from cudepot.catalog.stacks.chosen import check_kernel

    return ask_all(f"kernels, as `uname -r` prints them ({_SEVERAL})", check_kernel)

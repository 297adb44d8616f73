"""The PowerShell script for Windows clients of a site: one cuDNN in the forms the snapshot has, filled in. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.utils import canonicalize_name

from cudepot.catalog.ecosystems import HeldKind
from cudepot.catalog.lock import Lock
from cudepot.catalog.nvidia.cuda_variant import same_cuda
from cudepot.catalog.site.choice import Choice, is_any, selected
from cudepot.catalog.site.holdings import Held, cuda_of, files_of, held_file
from cudepot.errors import PinError
from cudepot.kinds.rules.client_choice import how, variants

FORMS: dict[str, str] = {HeldKind.CONDA: "conda", HeldKind.WHEEL: "wheel", HeldKind.FILE: "zip"}
"""Kind of package → what the script calls it, the usual one first."""
_ZIP = re.compile(r"cudnn-.*windows.*\.zip")
_CONDA = ("cudnn", "libcudnn", "cudnn-jit")
_WHEEL = re.compile(r"nvidia-cudnn-cu\d+")
_VERSION = re.compile(r"\d+(?:\.\d+){1,3}")
_ZLIB = (8, 3), (9, 2)
"""cuDNN that needs ``zlibwapi.dll``: from the first on, before the second."""


@dataclass(frozen=True, slots=True)
class WindowsClient:
    """What a Windows client gets from a site: one cuDNN, in every form there is of it.

    Attributes:
        url: of ``site/current``, without a slash at the end.
        channel: path of the conda channel below it.
        number: of the snapshot.
        cudnn, cuda: the release; empty where something else was asked for.
        conda: conda packages as ``name=version=build``.
        wheels: wheels as ``name==version``.
        zip: file name of NVIDIA's zip; empty for none.
        sha256: its hash.
        path: where the site has it; empty where it is not published, so that users bring it.
        closed: whether the channel has everything its packages need, so that conda is to ask no other.
    """

    url: str
    channel: str
    number: int
    cudnn: str = ""
    cuda: str = ""
    conda: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ()
    zip: str = ""
    sha256: str = ""
    path: str = ""
    closed: bool = False

    @property
    def forms(self) -> list[str]:
        """The ways to install there are, the usual one first."""
        there = {"conda": self.conda, "wheel": self.wheels, "zip": self.zip}
        return [form for form, found in there.items() if found]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The first two parts of the version; none where there is none."""
        return tuple(int(one) for one in self.cudnn.split(".")[:2] if one)


def windows_zips(lock: Lock) -> Iterator[Held]:
    """Give NVIDIA's zips that are locked, whether they are published as files or only repackaged."""
    published = {one: path for path, one in files_of(lock)}
    for one in lock.artifacts:
        path = published.get(one, f"files/{one.upstream}/{one.filename}")
        if _ZIP.fullmatch(one.filename) and (held := held_file(path, one)).version:
            yield held


def for_windows(held: Iterable[Held], zips: Iterable[Held]) -> tuple[Held, ...]:
    """Return what of a site a Windows machine can install."""
    platforms: dict[str, tuple[str, str]] = {HeldKind.CONDA: ("win-64", "noarch"), HeldKind.WHEEL: ("win-64", "any")}
    return (*(one for one in held if one.platform in platforms.get(one.kind, ())), *zips)


def choices(held: Sequence[Held], choice: Choice) -> dict[str, Choice]:
    """Return for each kind that has any of it what of a choice is about it; without names it is about cuDNN.

    ``cudnn`` means the wheels too, which NVIDIA names after CUDA.

    Raises:
        PinError: nothing is left.
    """
    found: dict[str, Choice] = {}
    for kind in FORMS:
        texts = _texts(held, kind, choice)
        only = tuple(one for one in texts if is_any(held, kind, replace(choice, only=(one,))))
        if only:
            found[kind] = replace(choice, only=only)
    if not found:
        selected(held, tuple(FORMS), choice)
        raise PinError("the site has no cuDNN for Windows", hint="choose what to install with --only NAME")
    return found


def _texts(held: Sequence[Held], kind: str, choice: Choice) -> list[str]:
    names = {one.name for one in held if one.kind == kind}
    projects = sorted(str(one) for one in map(canonicalize_name, names) if _WHEEL.fullmatch(one))
    if not choice.only:
        return projects if kind == HeldKind.WHEEL else [one for one in _CONDA if one in names][:1]
    if kind != HeldKind.WHEEL:
        return list(choice.only)
    named = [(text, *text.partition("=")[::2]) for text in choice.only]
    return [
        one for text, name, rest in named for one in (_renamed(projects, rest) if name.strip() == "cudnn" else [text])
    ]


def _renamed(projects: Iterable[str], rest: str) -> list[str]:
    version = rest.strip("= ").partition("=")[0]
    return [f"{one}={version}" if version else one for one in projects]


def one_zip(zips: Sequence[Held]) -> Held:
    """Return the zip that is meant; raise PinError where it is not clear."""
    if len({one.digest for one in zips}) > 1:
        versions = sorted({one.version for one in zips}, key=lambda text: [int(part) for part in text.split(".")])
        cudas = variants({one.name: versions for one in zips}, zips)
        names = ", ".join(sorted(one.path.rpartition("/")[2] for one in zips))
        raise PinError(f"several zips of cuDNN: {names}", hint=f"choose one with {how('cudnn', versions, cudas)}")
    return zips[0]


def one_cudnn(forms: Mapping[str, Sequence[Held]]) -> tuple[str, str]:
    """Return version and CUDA of the cuDNN that every form brings; empty where none of it is cuDNN.

    Raises:
        PinError: they bring different ones.
    """
    found = {(_version(one), cuda_of(one), form) for form, held in forms.items() for one in held if _is_cudnn(one)}
    cudas = sorted({cuda for _, cuda, _ in found}, key=len)
    if len({version for version, _, _ in found}) > 1 or not all(same_cuda(one, cudas[-1]) for one in cudas):
        raise _several(sorted(found))
    return (next(iter(found))[0], cudas[-1]) if found else ("", "")


def _several(found: Sequence[tuple[str, str, str]]) -> PinError:
    there = ", ".join(f"{version} for CUDA {cuda} ({form})" for version, cuda, form in found)
    version, cuda, _ = found[0]
    one = f"--only cudnn={version}" if len({version for version, _, _ in found}) > 1 else f"--cuda {cuda}"
    return PinError(f"the site has several cuDNNs for Windows: {there}", hint=f"choose one with {one}")


def _is_cudnn(one: Held) -> bool:
    return one.kind == HeldKind.FILE or one.name in _CONDA or bool(_WHEEL.fullmatch(canonicalize_name(one.name)))


def _version(one: Held) -> str:
    found = _VERSION.match(one.version)
    return found[0] if found else one.version


def script(template: str, client: WindowsClient) -> bytes:
    """Return the script; UTF-8 with BOM and CRLF, as PowerShell 5.1 reads it whatever the code page."""
    values = {
        "CUDNN": f"cuDNN {client.cudnn} for CUDA {client.cuda}" if client.cudnn else "what was chosen",
        "URL": _quoted(client.url),
        "CHANNEL": _quoted(client.channel),
        "NUMBER": str(client.number),
        "FROM": _quoted(client.forms[0]),
        "CUDA": _quoted(client.cuda),
        "OVERRIDE": "'--override-channels'" if client.closed else "",
        "CONDA": ", ".join(map(_quoted, client.conda)),
        "WHEELS": ", ".join(map(_quoted, client.wheels)),
        "ZIP": _quoted(client.zip),
        "SHA": _quoted(client.sha256),
        "ZIPURL": _quoted(f"{client.url}/{client.path}" if client.path else ""),
        "ZLIB": "$true" if client.numbers and _ZLIB[0] <= client.numbers < _ZLIB[1] else "$false",
    }
    text = re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], template)
    return b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()


def _quoted(text: str) -> str:
    """Return a PowerShell string in which nothing is expanded."""
    return "'" + text.replace("'", "''") + "'"

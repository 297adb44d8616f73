"""What a pin means that is spelt as another package manager spells it: a deb's pin in an rpm's words, conda's in pip's.

Hints are made of it: what it finds is only ever proposed, and always something that is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cudepot.catalog.nvidia.cuda_variant import same_cuda

_TEXT = re.compile(
    r"(?P<name>[A-Za-z][\w+.-]*?)(?:\s*==?\s*|[_-]|\s+)(?:\d+:)?(?P<version>\d+(?:\.\d+)+)(?P<rest>(?:[^\d].*)?)"
)
"""Name, version and the rest, whatever stands between: ``=``, ``==``, a dash or underscore, a space."""
_CUDNN = re.compile(r"(?:lib)?cudnn\d*(?:-(?P<part>(?!cuda)[a-z]+))?(?:-cuda-\d+(?:-\d+)?)?|nvidia[-_.]cudnn[-_.]cu\d+")
_CUDA = re.compile(r"cuda-?(\d+(?:\.\d+)?)|-cu(\d+)")
_SHOWN = 3
_PARTS = 4  # of a cuDNN version


class Wish(NamedTuple):
    """What a text asks for.

    Attributes:
        family: name of the package, the same for every package manager; ``cudnn`` for all of cuDNN.
        part: ``dev``, ``samples`` …; empty for the libraries.
        version: without epoch, revision or release; maybe its beginning.
        cuda: empty where it says none.
    """

    family: str
    part: str
    version: str
    cuda: str


def wish(text: str) -> Wish | None:
    """Read a pin in anybody's spelling; None where it is nobody's.

    >>> wish("libcudnn8-devel-8.0.5.39-1.cuda11.1.x86_64") == wish("libcudnn8-dev=8.0.5.39-1+cuda11.1")
    True
    >>> wish("cudnn=8.0.5.39=cuda11.1_*")
    Wish(family='cudnn', part='', version='8.0.5.39', cuda='11.1')
    """
    found = _TEXT.fullmatch(text.strip())
    return Wish(*_family(found["name"]), found["version"], _cuda(found["rest"], found["name"])) if found else None


def meant_by(text: str, offered: Iterable[tuple[str, str]], cuda: str = "") -> list[tuple[str, str]]:
    """Return name and version of what is offered and meant by a text, in the order given.

    Args:
        text: a pin as somebody wrote it.
        offered: names and versions, as the repository has them.
        cuda: CUDA that is asked for beside it.
    """
    asked = wish(text)
    return [] if asked is None else list(dict.fromkeys(one for one in offered if _is_meant(asked, *one, cuda)))


def spelled_out(specs: Sequence[str]) -> str:
    """Return the hint that proposes specs, the last ones of many; empty for none."""
    return f"write {' or '.join(specs[-_SHOWN:])}" if specs else ""


def is_cudnn(asked: Wish | None) -> bool:
    """Return whether a wish is for cuDNN."""
    return asked is not None and asked.family == "cudnn"


def as_wheel(text: str) -> str:
    """Return the requirement that a text means, ``nvidia-cudnn-cu11==8.0.5.39``; empty where it cannot be told."""
    asked = wish(text)
    if asked is None or asked.part not in ("", "dev"):
        return ""
    if asked.family == "cudnn":
        version = asked.version if asked.version.count(".") == _PARTS - 1 else f"{asked.version}.*"
        return f"nvidia-cudnn-cu{asked.cuda.partition('.')[0]}=={version}" if asked.cuda else ""
    return f"{asked.family}=={asked.version}"


def _is_meant(asked: Wish, name: str, version: str, cuda: str) -> bool:
    plain, said = version.rpartition(":")[2], _cuda(version, name)
    upstream = re.split(r"[-+]", plain, maxsplit=1)[0]
    return (
        _family(name) == (asked.family, asked.part)
        and f"{upstream}.".startswith(f"{asked.version}.")
        and all(not one or not said or same_cuda(said, one) for one in (asked.cuda, cuda))
    )


def _family(name: str) -> tuple[str, str]:
    """Return what every package manager calls a package, and the part; ``-devel`` is rpm's ``-dev``."""
    if found := _CUDNN.fullmatch(name.lower()):
        return "cudnn", re.sub(r"^devel$", "dev", found["part"] or "")
    return re.sub(r"-devel(?=-|$)", "-dev", name), ""


def _cuda(*texts: str) -> str:
    """Return the CUDA that the first of some texts says."""
    said = (one[1] or one[2] for text in texts for one in _CUDA.finditer(text))
    return next(said, "")

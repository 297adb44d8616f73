"""The locked versions as ``excludepkgs``: every other version of a locked package, whoever offers it. Pure.

dnf has no "all but": an exclude names what is to be hidden. So the versions that are not locked are written down as
globs: for each place in a locked version, all that differs from there on. Each pattern has the epoch in it
(``NAME-EPOCH:VERSION-RELEASE.ARCH``). dnf, which tries a pattern as several kinds of name, takes it for nothing else
then, and yum 3, which knows only the whole text, cannot run from ``libcudnn8`` on into ``libcudnn8-devel``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cudepot.kinds.yum.rules.client_text import DnfClient

_EPOCHS = "0123456789"
"""Epochs that packages have; NVIDIA's drivers have 3."""


def excludes(clients: Iterable[DnfClient], *, old: bool) -> bytes:
    """Return what goes into ``[main]`` of ``dnf.conf`` (of ``yum.conf`` where ``old``); empty where nothing is locked.

    Packages of a name are taken from wherever they come, so versions locked in several repositories are all kept.
    """
    found: dict[str, set[str]] = {}
    machines: set[str] = set()
    for one in clients:
        machines.update(one.architectures)
        for name, versions in one.versions.items():
            found.setdefault(name, set()).update(versions)
    ends = sorted(f".{one}" for one in machines) if old else [""]
    patterns = [pattern for name in sorted(found) for pattern in _others(name, found[name], ends)]
    key = "exclude" if old else "excludepkgs"
    return f"[main]\n{key}={' '.join(patterns)}\n".encode() if patterns else b""


def _others(name: str, evrs: Iterable[str], ends: Sequence[str]) -> Iterator[str]:
    """Give patterns for every epoch, version and release of a package but the given ones.

    A whole release is written without a glob for the machine: dnf would also read that as a glob over releases.
    """
    locked: dict[str, dict[str, set[str]]] = {}
    for evr in evrs:
        epoch, _, rest = evr.rpartition(":")
        version, _, release = rest.rpartition("-")
        locked.setdefault(epoch or "0", {}).setdefault(version, set()).add(release)
    yield from (f"{name}-{one}:*-*.*" for one in _EPOCHS if one not in locked)
    for epoch, versions in sorted(locked.items()):
        yield from (f"{name}-{epoch}:{one}-*.*" for one, _ in _all_but(versions))
        for version, releases in sorted(versions.items()):
            for one, is_glob in _all_but(releases):
                yield from (f"{name}-{epoch}:{version}-{one}{end}" for end in ([".*"] if is_glob else ends))


def _all_but(words: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Give words and globs that fit every word but the given ones, and whether each is a glob."""
    after: dict[str, set[str]] = {}
    for word in words:
        for at in range(len(word) + 1):
            after.setdefault(word[:at], set()).update(word[at : at + 1])
    ended = set(words)
    for begin, letters in sorted(after.items()):
        yield begin + (f"[!{''.join(sorted(letters))}]*" if letters else "?*"), True
        if begin and begin not in ended:
            yield begin, False

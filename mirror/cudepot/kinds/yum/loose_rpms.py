"""The rpms of a folder as a yum repository: their metadata, made of their headers, and what they need beside them.

Nobody describes these files but they themselves, so `lock` and `publish` make primary, filelists and other of the
headers (ADR 0038). From there on they are a pinned yum repository like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from cudepot.builders.rpm_metadata import Entries, entries_of
from cudepot.catalog.lock import Artifact, LockedUpstream
from cudepot.catalog.unsolvable import Findings
from cudepot.errors import ConfigError, FormatError, TrustError
from cudepot.formats.filelists import owners_of
from cudepot.formats.primary import read_primary
from cudepot.formats.rpm_header import read_head
from cudepot.formats.rpm_version import split_evr
from cudepot.kinds.yum.rules.closure import add_unknown_paths, machines, select_rpms
from cudepot.kinds.yum.rules.pins import RpmPin
from cudepot.kinds.yum.rules.plan import DESCRIBING, frame
from cudepot.kinds.yum.signatures import check_payload
from cudepot.temporary import temporary_folder

Open = Callable[[Artifact], BinaryIO]
"""Opens one of the rpms."""
_SOURCES = ("src", "nosrc")


def architectures_of(rpms: Sequence[Artifact]) -> tuple[str, ...]:
    """Return the architectures of the machines that a folder's rpms are for."""
    return tuple(sorted({one.architecture for one in rpms} - {"noarch"})) or ("x86_64",)


def check_whole(rpm: Artifact, path: Path) -> None:
    """Refuse an rpm that cannot be published: a source package, or a file that is not all of what its header says.

    Raises:
        ConfigError: it holds sources.
        FormatError: it is damaged.
    """
    if rpm.architecture in _SOURCES:
        raise ConfigError(
            f"{path.name}: holds the sources of {rpm.name}, which clients cannot install",
            hint="leave it out of the pin: a glob such as *.x86_64.rpm does not match it",
        )
    with path.open("rb") as handle:
        head = read_head(handle, what=path.name)
        try:
            head.check_size(rpm.digest.size)
            check_payload(handle, head)
        except TrustError as error:
            raise FormatError(f"{path.name}: {error}", hint="the file is damaged: download it again") from error


@contextmanager
def described(rpms: Sequence[Artifact], open_rpm: Open) -> Iterator[dict[str, Path]]:
    """Give primary, filelists and other of rpms as files, by their type; they are gone afterwards.

    Raises:
        FormatError: a header cannot be read.
    """
    with temporary_folder() as folder:
        paths = {kind: folder / f"{kind}.xml" for kind in DESCRIBING}
        with ExitStack() as stack:
            files = {kind: stack.enter_context(path.open("wb")) for kind, path in paths.items()}
            for kind, file in files.items():
                file.write(frame(kind, len(rpms))[0])
            for one in rpms:
                for file, entry in zip(files.values(), _entries(one, open_rpm), strict=True):
                    file.write(entry)
            for kind, file in files.items():
                file.write(frame(kind, len(rpms))[1])
        yield paths


def _entries(one: Artifact, open_rpm: Open) -> Entries:
    with open_rpm(one) as handle:
        head = read_head(handle, what=one.filename)
        handle.seek(0)
        return entries_of(handle.read(head.payload), one.digest, one.filename)


def with_needs(locked: LockedUpstream, rpms: Sequence[Artifact], open_rpm: Open, findings: Findings) -> LockedUpstream:
    """Return a folder's upstream with what the distribution has to provide; note what cannot be installed."""
    architectures = architectures_of(rpms)
    with described(rpms, open_rpm) as paths:
        with paths["primary"].open("rb") as text:
            offered = list(read_primary(text, locked.name))
        every = machines(architectures, offered, [_pin(number, one, architectures) for number, one in enumerate(rpms)])
        with paths["filelists"].open("rb") as text:
            add_unknown_paths(every, lambda unknown: owners_of(text, unknown, locked.name))
    selection = select_rpms(every)
    findings.found += [one.unsolvable(locked.name) for one in selection.faults]
    return replace(locked, external=tuple(sorted(selection.external)))


def _pin(entry: int, one: Artifact, architectures: tuple[str, ...]) -> RpmPin:
    """Return a pin on a very file; each stands alone, as if it were of a table of its own."""
    epoch, version, release = split_evr(one.version)
    return RpmPin(one.path, one.name, epoch, version, release, one.architecture, True, "", architectures, entry)

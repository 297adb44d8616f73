"""The plan of a re-signed flat apt repository: which index bytes describe a list of packages. Pure.

``Origin``, ``Label``, ``Suite`` and ``Codename`` stay the upstream's, because clients' pin files name them
(NVIDIA's say ``Pin: release l=NVIDIA CUDA``) and apt asks the user when they change.
"""

from __future__ import annotations

import datetime
import email.utils
import gzip
import lzma
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from cudepot.catalog.clocks import CLOCKS_APART
from cudepot.catalog.lock import LockedUpstream
from cudepot.digest import Digest
from cudepot.formats.apt import render_packages
from cudepot.formats.apt_release import Release, parse_release, render_release
from cudepot.formats.deb822 import Fields, parse_stanza

FORMS = ("Packages", "Packages.gz", "Packages.xz")
"""Names of an index in the forms published."""
_XZ = 4  # preset of xz: 6 takes half as long again for 3 %
_OURS = ("filename", "size", "md5sum", "sha1", "sha256", "sha512")  # field names have no case


def stanza(control: bytes, filename: str, digest: Digest) -> Fields:
    """Return the Packages stanza of a deb: its own control fields, then where it is and what it is."""
    fields = {key: value for key, value in parse_stanza(control, filename).items() if key.lower() not in _OURS}
    # A leading newline in Description and friends survives: the parser keeps folded lines as they are.
    return fields | {"Filename": filename, "Size": str(digest.size), "SHA256": digest.sha256}


def indexes(stanzas: Sequence[Mapping[str, str]], before: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Return the Packages index in the forms published, without anything that changes from run to run.

    Those made ``before`` are taken again when they say the same: compressing is most of the work.
    """
    plain = render_packages(stanzas)
    if before and before.get("Packages") == plain:
        return dict(before)
    return packed(plain)


def packed(plain: bytes) -> dict[str, bytes]:
    """Return an index in the forms published."""
    with ThreadPoolExecutor(2) as both:  # the compressors let go of the interpreter
        packed = both.submit(gzip.compress, plain, 9, mtime=0), both.submit(lzma.compress, plain, preset=_XZ)
        return dict(zip(FORMS, (plain, packed[0].result(), packed[1].result()), strict=True))


def release(
    upstream: LockedUpstream,
    architectures: Sequence[str],
    files: Mapping[str, bytes],
    date: str,
    valid_for: int = 0,
) -> bytes:
    """Return the Release file over the indexes; clients refuse it ``valid_for`` seconds after ``date`` (0: never)."""
    until = email.utils.parsedate_to_datetime(date) + datetime.timedelta(seconds=valid_for)
    fields = {
        "Origin": upstream.origin or "cudepot",
        "Label": upstream.label or upstream.name,
        "Suite": upstream.suite,
        "Codename": upstream.codename,
        "Architectures": " ".join(sorted(set(architectures) - {"all"})),
        "Date": date,
        "Valid-Until": email.utils.format_datetime(until, usegmt=True) if valid_for else "",
        "Acquire-By-Hash": "yes",
        "Description": f"{upstream.name}, published by cudepot",
    }
    return render_release(fields, files, {"SHA256": "sha256"})


def dated(old: bytes, date: str) -> bytes:
    """Return a Release of ours with another ``Date``, valid as long as before; nothing else in it changes."""
    lifetime = _lifetime(parse_release(old, "Release"))
    head = {b"Date": date}
    if lifetime is not None:
        head[b"Valid-Until"] = email.utils.format_datetime(
            email.utils.parsedate_to_datetime(date) + lifetime, usegmt=True
        )
    lines = old.split(b"\n")
    return b"\n".join(
        name + b": " + head[name].encode() if (name := line.partition(b":")[0]) in head else line for line in lines
    )


def same_repository(old: bytes, new: bytes) -> bool:
    """Return whether two Release files differ in nothing but their dates: they are valid equally long."""
    one, other = (parse_release(text, "Release") for text in (old, new))
    blank = {"Date": "", "Valid-Until": ""}
    return {**one.fields, **blank} == {**other.fields, **blank} and _lifetime(one) == _lifetime(other)


def is_worn(old: bytes, now: datetime.datetime) -> bool:
    """Return whether half of a Release's time of validity has passed, so that it is to be signed again."""
    release = parse_release(old, "Release")
    date, lifetime = release.date(), _lifetime(release)
    return date is not None and lifetime is not None and now >= date + lifetime / 2


def is_of_the_future(old: bytes, now: datetime.datetime) -> bool:
    """Return whether a Release was dated by a clock that was wrong: apt refuses it until that day."""
    date = parse_release(old, "Release").date()
    return date is not None and date > now + CLOCKS_APART


def _lifetime(release: Release) -> datetime.timedelta | None:
    date, until = release.date(), release.valid_until()
    return until - date if date and until else None


def next_date(now: datetime.datetime, before: bytes | None) -> str:
    """Return the ``Date`` of a new Release: now, but always later than the one before, unless that is of the future."""
    if before is not None:
        last = parse_release(before, "Release").date()
        if last is not None and last <= now + CLOCKS_APART:
            now = max(now, last + datetime.timedelta(seconds=1))
    return email.utils.format_datetime(now.replace(microsecond=0), usegmt=True)


def by_hash(files: Mapping[str, Digest]) -> dict[str, Digest]:
    """Return the by-hash names of indexes, so that a client in mid-update finds what its Release names."""
    return {f"by-hash/SHA256/{digest.sha256}": digest for digest in files.values()}


def is_older(release: bytes, seen: bytes) -> bool:
    """Return whether apt, having seen one Release, keeps it when it is offered another: that is dated before it."""
    here, there = (parse_release(one, "Release").date() for one in (release, seen))
    return here is not None and there is not None and here < there

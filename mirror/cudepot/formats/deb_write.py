"""Writes a small Debian package of configuration files, byte for byte the same for the same content.

Format: deb(5) 2.0, gzip members, which every dpkg reads. No ``dpkg-deb`` is needed, so a site can be run on any Linux.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterable, Mapping, Set
from types import MappingProxyType

from cudepot.paths import safe_name

_MAGIC = b"!<arch>\n"
_MOST = 16 << 20  # bytes that a member may unpack to: these packages have a few kilobytes
_SCRIPTS = ("preinst", "postinst", "prerm", "postrm")


def write_deb(
    fields: Mapping[str, str],
    files: Mapping[str, bytes],
    *,
    scripts: Mapping[str, str],
    epoch: int,
    links: Mapping[str, str] = MappingProxyType({}),
    programs: Set[str] = frozenset(),
    level: int = 9,
) -> bytes:
    """Return a package.

    Args:
        fields: control fields in order; Installed-Size is added.
        files: path without a leading slash → content; what is below ``etc/`` becomes a conffile.
        scripts: maintainer scripts by name.
        epoch: time of all files, in seconds since 1970.
        links: path of each symbolic link → where it leads.
        programs: which of the files may be run.
        level: of gzip, 0 to 9.
    """
    size = sum(-(-len(data) // 1024) for data in files.values())
    control = {"control": _control(fields, size)}
    control |= {"md5sums": _md5sums(files)} | ({"conffiles": _conffiles(files)} if _conffiles(files) else {})
    control |= {name: scripts[name].encode() for name in _SCRIPTS if name in scripts}
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": _tar(control, epoch),
        "data.tar.gz": _tar({safe_name(name): data for name, data in files.items()}, epoch, links, programs, level),
    }
    return _MAGIC + b"".join(_ar_member(name, data, epoch) for name, data in members.items())


def same_package(one: bytes, other: bytes) -> bool:
    """Return whether two packages have the form of :func:`write_deb` and the same members, however these are packed."""
    plain = _plain(one)
    return bool(plain) and plain == _plain(other)


def _plain(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return head, without its size, and unpacked body of each member; nothing where the form is another."""
    found, at = [], len(_MAGIC)
    while at < len(data):
        head, size = data[at : at + 48], data[at + 48 : at + 58]
        body = data[at + 60 :][: int(size) if size.strip().isdigit() else 0]
        whole = _ended(head + b"%-10d`\n" % len(body) + body)
        text = _unpacked(body) if b".gz " in head else body
        if not data.startswith(_MAGIC) or data[at : at + len(whole)] != whole or text is None:
            return []
        found.append((head, text))
        at += len(whole)
    return found


def _unpacked(body: bytes) -> bytes | None:
    unpack = zlib.decompressobj(31)
    try:
        text = unpack.decompress(body, _MOST)
    except zlib.error:
        return None
    return text if unpack.eof and not unpack.unused_data else None


def _control(fields: Mapping[str, str], size: int) -> bytes:
    rest = {name: text for name, text in fields.items() if name != "Description"}
    lines = rest | {"Installed-Size": str(size), "Description": fields["Description"]}
    return "".join(f"{name}: {text.replace(chr(10), chr(10) + ' ')}\n" for name, text in lines.items()).encode()


def _md5sums(files: Mapping[str, bytes]) -> bytes:
    # dpkg's own list for `dpkg --verify`; nothing here is trusted for it
    sums = [(hashlib.md5(data, usedforsecurity=False).hexdigest(), name) for name, data in sorted(files.items())]
    return "".join(f"{digest}  {name}\n" for digest, name in sums).encode()


def _conffiles(files: Mapping[str, bytes]) -> bytes:
    return "".join(f"/{name}\n" for name in sorted(files) if name.startswith("etc/")).encode()


def _tar(
    files: Mapping[str, bytes],
    epoch: int,
    links: Mapping[str, str] = MappingProxyType({}),
    programs: Set[str] = frozenset(_SCRIPTS),
    level: int = 9,
) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in ["", *_folders({*files, *links})]:
            info = _info(f"./{name}" if name else ".", epoch, 0o755)
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
        for name in sorted(files):
            info = _info(f"./{name}", epoch, 0o755 if name in programs else 0o644)
            info.size = len(files[name])
            tar.addfile(info, io.BytesIO(files[name]))
        for name, target in sorted(links.items()):
            info = _info(f"./{name}", epoch, 0o777)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return gzip.compress(out.getvalue(), level, mtime=0)


def _folders(files: Iterable[str]) -> list[str]:
    """Return all folders above the files, each after the one it is in."""
    parts = [name.split("/")[:-1] for name in files]
    return sorted({"/".join(one[:depth]) for one in parts for depth in range(1, len(one) + 1)})


def _info(name: str, epoch: int, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mtime, info.mode, info.uname, info.gname = epoch, mode, "root", "root"
    return info


def _ar_member(name: str, data: bytes, epoch: int) -> bytes:
    return _ended(f"{name:<16}{epoch:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data)


def _ended(member: bytes) -> bytes:
    """Return a member with the line break that fills it up to an even length; its head is of even length."""
    return member + (b"\n" if len(member) % 2 else b"")

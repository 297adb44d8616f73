"""Looks at the metadata of a whole yum mirror as its clients will: byte for byte, so what dnf refuses is refused here.

dnf picks the decompressor by the file's name, refuses a primary.xml that is not well-formed, and ends where
modules.yaml is not YAML. All else may be broken, and is mirrored as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from cudepot.digest import CHUNK, Digest
from cudepot.errors import FormatError, TrustError
from cudepot.formats.compression import compression_of, decompressed
from cudepot.formats.repomd import Record
from cudepot.formats.xml_rewritten import check_well_formed
from cudepot.formats.xml_text import Entries
from cudepot.kinds.yum.chain import YumChain, opened, whole
from cudepot.kinds.yum.rules.mirror import METADATA_LIMIT
from cudepot.kinds.yum.twins import tell_twins

_NAMED = re.compile(rb"<name>([^<]*)</name>.*?<arch>([^<]*)</arch>.*?<version ([^<>]*)/>", re.DOTALL)
_SUM = re.compile(rb"<checksum [^<>]*>\s*([0-9A-Fa-f]+)")
_SIZE = re.compile(rb"<size\s[^<>]*package\s*=\s*.[0-9]*[1-9]")
_STRONG = (64, 128)  # hex digits


def check_whole(chain: YumChain, records: Sequence[Record], digests: Mapping[str, Digest]) -> None:
    """Refuse metadata that would keep every client from installing; say which packages contradict each other.

    Raises:
        FormatError: dnf could not read the repository.
    """
    for one in records:
        if one.type == "primary":
            _check_primary(chain, one, digests[one.type])
        else:
            check_modules(chain, one, digests[one.type])


def check_modules(chain: YumChain, record: Record, digest: Digest) -> None:
    """Raise FormatError where a modules.yaml, which is in the store, would end every dnf; pass over other files."""
    if record.type == "modules":
        from cudepot.kinds.yum.rules.modules import check_yaml  # noqa: PLC0415 - few repositories have modules

        what = chain.upstream.url + record.href
        check_yaml(whole(chain.depot.store, digest, what), what)


def _check_primary(chain: YumChain, record: Record, digest: Digest) -> None:
    what = chain.upstream.url + record.href
    kind = compression_of(record.href)
    with (
        chain.depot.store.open(digest) as handle,
        decompressed(handle, what, limit=METADATA_LIMIT, kind=kind) as text,
    ):
        check_well_formed(iter(lambda: text.read(CHUNK), b""), what, "metadata")
    with opened(chain.depot.store, digest, what) as text:
        _check_entries(chain, Entries(text, what), what)


def _check_entries(chain: YumChain, entries: Iterable[bytes], what: str) -> None:
    """Refuse a list none of whose packages could be mirrored; say which contradict each other."""
    seen: dict[tuple[bytes, ...], bytes] = {}
    twins: dict[str, None] = {}
    strong = weak = 0
    for entry in entries:
        named, known = _NAMED.search(entry), _SUM.search(entry)
        strong, weak = (strong + 1, weak) if known and len(known[1]) in _STRONG else (strong, weak + 1)
        if named and known and seen.setdefault(named.groups(), known[1].lower()) != known[1].lower():
            name, arch, version = (one.decode(errors="replace") for one in named.groups())
            twins[f"{name} ({version}) {arch}"] = None
        if not _SIZE.search(entry):
            raise FormatError(f"{what}: does not give its size: {entry[:120]!r}", hint="report it upstream")
    if weak and not strong:
        raise TrustError(f"{what}: identifies its packages only by a weak hash", hint="sha256 or sha512 is needed")
    tell_twins(chain, list(twins))

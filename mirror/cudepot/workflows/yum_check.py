"""Looks at the metadata of a whole yum mirror as its clients will: byte for byte, so what dnf refuses is refused here.

dnf picks the decompressor by the file's name, refuses a primary.xml that is not well-formed, and ends where
modules.yaml is not YAML. All else may be broken, and is mirrored as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from cudepot.digest import CHUNK, Digest
from cudepot.formats.compression import compression_of, decompressed
from cudepot.formats.repomd import Record
from cudepot.formats.xml_rewritten import check_well_formed
from cudepot.formats.xml_text import Entries
from cudepot.workflows.asked import METADATA_LIMIT
from cudepot.workflows.yum_chain import YumChain, opened

_NAMED = re.compile(rb"<name>([^<]*)</name>.*?<arch>([^<]*)</arch>.*?<version ([^<>]*)/>", re.DOTALL)
_SUM = re.compile(rb"<checksum [^<>]*>\s*([0-9A-Fa-f]+)")
_TOLD = 3


def check_whole(chain: YumChain, records: Sequence[Record], digests: Mapping[str, Digest]) -> None:
    """Refuse metadata that would keep every client from installing; say which packages contradict each other.

    Raises:
        FormatError: dnf could not read the repository.
    """
    for one in records:
        if one.type == "primary":
            _check_primary(chain, one, digests[one.type])
        elif one.type == "modules":
            from cudepot.catalog.yum_modules import check_yaml  # noqa: PLC0415 - few repositories have modules

            with opened(chain.depot, digests[one.type], chain.upstream.url + one.href) as text:
                check_yaml(text.read(), chain.upstream.url + one.href)


def _check_primary(chain: YumChain, record: Record, digest: Digest) -> None:
    what = chain.upstream.url + record.href
    kind = compression_of(record.href)
    with (
        chain.depot.store.open(digest) as handle,
        decompressed(handle, what, limit=METADATA_LIMIT, kind=kind) as text,
    ):
        check_well_formed(iter(lambda: text.read(CHUNK), b""), what, "metadata")
    with opened(chain.depot, digest, what) as text:
        tell_twins(chain, _twins(Entries(text, what)))


def _twins(entries: Iterable[bytes]) -> list[str]:
    """Return the packages that are there with two contents under one name, version and architecture."""
    seen: dict[tuple[bytes, ...], bytes] = {}
    twins: dict[str, None] = {}
    for entry in entries:
        named, known = _NAMED.search(entry), _SUM.search(entry)
        if named and known and seen.setdefault(named.groups(), known[1].lower()) != known[1].lower():
            name, arch, version = (one.decode(errors="replace") for one in named.groups())
            twins[f"{name} ({version}) {arch}"] = None
    return list(twins)


def tell_twins(chain: YumChain, twins: Sequence[str], taken: str = "") -> None:
    """Say that packages are there with two contents; ``taken`` tells which one counts."""
    if twins:
        more = f" and {len(twins) - _TOLD} more" if len(twins) > _TOLD else ""
        chain.depot.progress.say(
            f"{chain.upstream.name}: warning: other bytes under one name, version and architecture in one index: "
            f"{', '.join(twins[:_TOLD])}{more}{taken}; ask the upstream why"
        )

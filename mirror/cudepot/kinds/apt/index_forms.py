"""Whether the forms in which a whole apt mirror serves its lists of packages are one index, as apt finds them."""

from __future__ import annotations

import bz2
from collections.abc import Mapping

from cudepot.digest import Digest, Promise
from cudepot.errors import FormatError, TrustError
from cudepot.formats.compression import decompressed
from cudepot.kinds.apt.chain import Chain, Suite
from cudepot.kinds.apt.rules.indexes import INDEX_LIMIT
from cudepot.kinds.apt.rules.mirror import is_packages
from cudepot.kinds.apt.rules.mirror_indexes import same_index

_APTS = (".xz", ".bz2", ".gz", ".zst", "")
"""Forms in the order in which apt takes them by default; lzma and lz4 are not read here."""
_FEED = 1 << 16


def check_forms(chain: Chain, suite: Suite, found: Mapping[str, Digest]) -> None:
    """Compare what packed indexes unpack to with the plain one that the Release names; note what apt does without.

    apt reads no index of which the Release does not name the plain form, and refuses one that does not unpack to it.
    Which form it takes is a setting of its; the others are noted.

    Args:
        chain: whose notes are added to.
        suite: whose Release it is.
        found: path below the suite's folder → what is served there.

    Raises:
        TrustError: the form that apt takes is another index.
    """
    promised, where = suite.release.promised(), chain.upstream.url + suite.folder
    for plain in dict.fromkeys(same_index(path) for path in found if is_packages(path)):
        forms = [plain + form for form in _APTS if plain + form in found]
        if plain not in promised:
            chain.findings.notes.append(
                f"{chain.upstream.name}: the Release names {', '.join(forms)} and not {plain}, so apt reads none "
                "of them"
            )
            continue
        wrong = [one for one in forms if one != plain and not _unpacks_to(chain, found[one], one, promised[plain])]
        for one in wrong:
            text = f"{where}{one} does not unpack to the {plain} that the signed Release names"
            if one == forms[0]:
                raise TrustError(f"{text}, so apt refuses it", hint="the upstream is at fault: report it there")
            chain.findings.notes.append(f"{chain.upstream.name}: {text}: versions of apt that use this form refuse it")


def _unpacks_to(chain: Chain, packed: Digest, path: str, promised: Digest | Promise) -> bool:
    if path.endswith(".bz2") and _has_several_streams(chain, packed):
        return False
    try:
        with chain.depot.store.open(packed) as handle, decompressed(handle, path, limit=INDEX_LIMIT) as text:
            return promised.kept_by(text)
    except FormatError:
        return False


def _has_several_streams(chain: Chain, packed: Digest) -> bool:
    """Return whether a bzip2 file goes on behind its first stream, which is all that apt reads of it."""
    decoder = bz2.BZ2Decompressor()
    with chain.depot.store.open(packed) as handle:
        while not decoder.eof and (chunk := handle.read(_FEED)):
            try:
                decoder.decompress(chunk)
            except OSError:
                return False
        return bool(decoder.unused_data or handle.read(1))

"""Reads the MD5 of a channel's packages out of its index (CEP 36): they are computed once.

Beside conda_index, which loads what writing an index takes.
"""

from __future__ import annotations

import json

from cudepot.errors import FormatError


def md5_sums(data: bytes, what: str) -> dict[str, tuple[str, str]]:
    """Return file name → (sha256, MD5) as a repodata.json tells them; packages without MD5 are left out.

    Raises:
        FormatError: it is no repodata.json.
    """
    try:
        records = json.loads(data)["packages.conda"].items()
        return {name: (str(one["sha256"]), str(one["md5"])) for name, one in records if "md5" in one}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise FormatError(f"{what}: not a repodata.json ({type(error).__name__})") from error

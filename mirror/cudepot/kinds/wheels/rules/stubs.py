"""Recognises NVIDIA's stubs: sdists that have nothing in them but the place where the real wheel is.

Whoever builds one fetches that wheel, already while its metadata are asked for: offline they always fail. Sources,
read as NVIDIA has published them: ``cudf_cu12-24.8.3`` (``nvidia-stub``), ``tensorrt_cu13_libs-11.4.0.106``
(``wheel-stub``), ``nvidia-cublas-0.0.1.dev5`` and ``tensorrt-9.3.0.post12.dev1`` (placeholders that end with an error).
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from cudepot.errors import FormatError
from cudepot.formats.sdist_read import Sdist, build_system, pyproject_of
from cudepot.kinds.wheels.rules.core_metadata import headers

NVIDIA = "https://pypi.nvidia.com/"
"""The index that stubs mean where they name none."""
MOST_OF_STUB = 100_000
"""Bytes above which nothing is a stub: the largest seen has 16 kB, wheels and real sources have more."""
_BACKENDS = ("nvidia_stub", "wheel_stub")
_PLACEHOLDER = "A fake package to warn the user they are not installing the correct package."


class Stub(NamedTuple):
    """A stub.

    Attributes:
        index_url: the index that has the wheel, project pages right below it; ends in a slash.
        backend: what would fetch it (``wheel_stub``), empty for a placeholder that can do nothing at all.
    """

    index_url: str
    backend: str


def stub_of(sdist: Sdist, *, what: str = "sdist") -> Stub | None:
    """Return where a stub's wheel is; None where the sdist is none (a pyproject.toml that says nothing is no stub's).

    Raises:
        FormatError: the index it names is not one that may be asked.
    """
    try:
        system, tables = build_system(sdist, what=what), pyproject_of(sdist, what=what)
    except FormatError:
        return None
    backend = system.backend.partition(":")[0].partition(".")[0]
    if backend in _BACKENDS and not system.inside:
        return Stub(_index_url(tables.get("tool"), what), backend)
    return Stub(NVIDIA, "") if _is_placeholder(sdist.pkg_info) else None


def _index_url(tool: object, what: str) -> str:
    table = tool.get("wheel_stub", {}) if isinstance(tool, dict) else {}
    url = table.get("index_url", NVIDIA) if isinstance(table, dict) else NVIDIA
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        plain = parts and parts.hostname and not (parts.query or parts.fragment or "@" in parts.netloc)
    except ValueError:
        plain = False
    if not plain or parts is None or parts.scheme not in ("http", "https") or not url.isprintable() or " " in url:
        raise FormatError(f"{what}: a stub whose index is {str(url)[:200]!r}")
    return f"{url.rstrip('/')}/"


def _is_placeholder(pkg_info: bytes) -> bool:
    return str(headers(pkg_info).get("Summary", "")).strip() == _PLACEHOLDER and b"nvidia" in pkg_info.lower()

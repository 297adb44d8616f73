"""Loads createrepo_c, and keeps it and rpm's library in it from writing to standard error what they raise as well."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

from cudepot.errors import ConfigError

_NOTHING_LESS = 1  # of rpmlog.h, RPMLOG_UPTO(RPMLOG_EMERG): the system is unusable


@functools.cache
def createrepo() -> Any:
    """Return the module createrepo_c, which is silent from then on.

    Each entry that it refuses would be written, however long, and each header with the path of a temporary file.

    Raises:
        ConfigError: it cannot be loaded: its wheel has all it needs but GLib, which no bare machine has.
    """
    import ctypes  # noqa: PLC0415 - a run that changes nothing describes and reads no rpm

    try:
        import createrepo_c  # noqa: PLC0415 - as above
    except ImportError as error:
        raise ConfigError(
            f"createrepo_c, which reads rpms, cannot be loaded: {error}",
            hint="apt-get install libglib2.0-0, or dnf install glib2",
        ) from error

    library = ctypes.CDLL(createrepo_c._createrepo_c.__file__)
    with contextlib.suppress(AttributeError):  # built without the names of GLib or rpm
        _handlers.append(ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(_pass))
        library.g_log_set_handler(b"C_CREATEREPOLIB", -1, _handlers[-1], None)
    with contextlib.suppress(AttributeError):
        library.rpmlogSetMask(_NOTHING_LESS)
    return createrepo_c


_handlers: list[Any] = []
"""What GLib calls; it has to be there as long as GLib may do so."""


def _pass(*_: object) -> None:
    """Write nothing."""

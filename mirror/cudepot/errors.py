"""The errors a user can meet: each has a code, an exit status and, where one can act, a hint."""

from __future__ import annotations

from typing import Self


class CudepotError(Exception):
    """Base of every error this package raises on purpose.

    Attributes:
        code: stable identifier shown to the user, e.g. ``E300``.
        exit_code: status of the process that ends with this error.
        hint: what the user can do about it; may be empty.
        where: file (with line and column where they are known), URL or folder the error is about; may be empty.
    """

    code = "E000"
    exit_code = 1
    where = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def retold(self, message: str) -> Self:
        """Return the same error with another message; all else that it knows is kept."""
        other = type(self).__new__(type(self), message)
        other.__dict__.update(self.__dict__)
        other.__cause__ = self
        return other


class UsageError(CudepotError):
    """The command line is wrong: a verb or option that does not exist, or one that is missing.

    Attributes:
        usage: what the verb takes, in a line or two.
    """

    code, exit_code = "E010", 2

    def __init__(self, message: str, *, hint: str = "", usage: str = "") -> None:
        super().__init__(message, hint=hint)
        self.usage = usage


class InternalError(CudepotError):
    """A fault of cudepot itself, met while it worked on one upstream: that one's trouble, with the traceback logged."""


class ConfigError(CudepotError):
    """cudepot.toml, cudepot.lock or a recipe is missing, malformed or out of date, or another verb has to run first."""

    code, exit_code = "E100", 3


class SignerError(ConfigError):
    """The site's own key cannot sign: no upstream's trouble, and nothing that is waited for."""


class UpstreamError(CudepotError):
    """An upstream cannot be reached, lacks a file, or cuts a transfer short."""

    code, exit_code = "E200", 4


class TransientError(UpstreamError):
    """A fault of the upstream that may be gone in a moment: cut, time-out, 429, 5xx.

    Attributes:
        retry_after: seconds the upstream asked to wait; 0 when it did not say.
        status: HTTP status of the answer; 0 when there was none.
    """

    code = "E210"

    def __init__(self, message: str, *, hint: str = "", retry_after: float = 0.0, status: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.retry_after, self.status = retry_after, status


class CutError(TransientError):
    """A transfer ended, or stalled, before its end."""


class SlowError(CutError):
    """A transfer brought next to nothing for as long as anybody waits: a few bytes more are no progress."""


class TrustError(CudepotError):
    """A signature, a hash or a date does not hold: nothing that hangs from it is used."""

    code, exit_code = "E300", 5


class StaleError(TrustError):
    """A root that is older than one accepted before, or whose time is over: what a stale edge serves."""


class SignatureError(TrustError):
    """A signature that does not fit its text: damaged, tampered with, or of another edition of it."""


class ClockError(TrustError):
    """A signature, or its key, was made later than this machine's clock says it is: it cannot be checked yet."""


class MissingError(UpstreamError):
    """The upstream is there, the file is not (or is hidden from us): a place that may be empty looks for this."""

    code = "E220"


class PinError(CudepotError):
    """A pin, or a dependency of one, matches nothing the upstream offers.

    Attributes:
        pins: entries of ``packages`` that match nothing, as cudepot.toml has them; empty where another thing is wrong.
    """

    code, exit_code = "E400", 6

    def __init__(self, message: str, *, hint: str = "", pins: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.pins = pins


class UnsolvableError(PinError):
    """What is published, or would be, cannot be installed by any client from where it is published."""

    code = "E410"


class StorageError(CudepotError):
    """The local disk refuses: full, read-only, or not permitted."""

    code, exit_code = "E500", 7


class NoRoomError(StorageError):
    """A disk has less room than what is about to be written; nothing of it has been."""

    code = "E520"


class SiteError(StorageError):
    """The site's server refuses, cannot be reached, or does not hold what was written."""

    code = "E510"


class EulaError(CudepotError):
    """The licence of an artifact has not been accepted."""

    code, exit_code = "E600", 8


class BusyError(CudepotError):
    """Another cudepot process holds the store."""

    code, exit_code = "E700", 9


class FormatError(CudepotError):
    """An artifact or index is malformed, hostile, or not what it claims to be."""

    code, exit_code = "E800", 10


class BuildError(CudepotError):
    """Something cudepot started on this machine for the user (a compiler, a check) did not end well."""

    code, exit_code = "E900", 11


class InstallationError(CudepotError):
    """The cuDNN that is installed on this machine is broken, or computes what is wrong."""

    code, exit_code = "E910", 13


class GpuError(CudepotError):
    """There is no GPU to run on: no driver, no device, or one that this cuDNN is not made for."""

    code, exit_code = "E920", 12

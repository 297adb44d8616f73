"""The errors a user can meet: code, exit status and hint are those of cudepot (``docs/errors.md``)."""


class FarError(Exception):
    """Base of every error that is raised on purpose.

    Attributes:
        code: as the user sees it.
        status: of the process that ends with this error.
        hint: what can be done about it; may be empty.
    """

    code, status = "E000", 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(FarError):
    """The project is missing or malformed, another verb has to run first, or only the full cudepot can go on."""

    code, status = "E100", 3


class TrustError(FarError):
    """A signature, a hash or an order does not hold: nothing that hangs from it is used."""

    code, status = "E300", 5


class ClockError(TrustError):
    """A signature was made later than this machine's clock says it is: it cannot be checked yet."""


class StorageError(FarError):
    """The local disk refuses: full, read-only, or not permitted."""

    code, status = "E500", 7


class BusyError(FarError):
    """Another process holds the store."""

    code, status = "E700", 9


class FormatError(FarError):
    """A file is malformed, hostile, or not what it claims to be."""

    code, status = "E800", 10

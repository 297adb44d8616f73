"""A cleartext-signed document taken apart as apt does it: the text that is verified is the text that is used.

Source: RFC 9580, section 7, and apt's rules for InRelease: one message that begins on the first line, its signatures
behind it, and nothing else. gpgv would pass over text around it, and cuts off long lines of what it puts out.
"""

from __future__ import annotations

from cudepot.errors import TrustError

_MESSAGE, _BEGIN, _END = (
    b"-----BEGIN PGP SIGNED MESSAGE-----",
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----END PGP SIGNATURE-----",
)


def parted(document: bytes, what: str) -> tuple[bytes, bytes]:
    """Return the signed text, lines without white space at their ends, and the armored signatures over it.

    Raises:
        TrustError: it is not exactly one signed message.
    """
    lines = [line.rstrip(b" \t\r") for line in document.removesuffix(b"\n").split(b"\n")]
    try:
        if lines[0] != _MESSAGE:
            raise ValueError
        blank, begin = lines.index(b""), lines.index(_BEGIN)
        signatures = lines[begin:]
        if not blank < begin or not _is_armor(signatures):
            raise ValueError
    except ValueError:
        raise TrustError(
            f"{what}: not exactly one cleartext-signed message, which apt refuses",
            hint="the upstream may serve an error page, or a document made to mislead; an empty line after the "
            "signature is enough",
        ) from None
    text = b"\n".join(line.removeprefix(b"- ") for line in lines[blank + 1 : begin])
    return text, b"\n".join(signatures) + b"\n"


def check_detached(signature: bytes, what: str) -> None:
    """Refuse a Release.gpg that apt refuses: binary, not closed, or with lines around the signatures.

    Raises:
        TrustError: it is such a one.
    """
    lines = [line.rstrip(b" \t\r") for line in signature.removesuffix(b"\n").split(b"\n")]
    if not _is_armor(lines):
        raise TrustError(
            f"{what}: not one or more armored signatures and nothing else, which apt refuses",
            hint="the upstream may serve an error page; if it does not, report it: no client can use this repository",
        )


def _is_armor(lines: list[bytes]) -> bool:
    """Return whether lines are armored signatures, one behind the other, and nothing else."""
    open_ = False
    for line in lines:
        if open_ and line.startswith(b"-") and line != _END:
            return False
        if not open_ and line != _BEGIN:
            return False
        open_ = line != _END
    return not open_ and bool(lines)

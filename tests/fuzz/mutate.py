"""Changes documents at random, the same way each time for a seed: what CI fuzzes with."""

from __future__ import annotations

import random

PIECES = (
    b"<", b">", b"</a>", b"<!--", b"<![CDATA[", b"]]>", b"&", b"&x;", b'"', b"'", b"\0", b"\xe4", b"\xff\xfe", b"{",
    b"}", b"[", b"]", b":", b",", b"- ", b"null", b"true", b"1e999", b"-1", b"9" * 30, b"9" * 5000, b"\n", b"\n\n",
    b" ", b"\t", b"\r\n", b"../", b"://", b"http://[", b"#sha256=", b"(", b")", b" or ", b"=", b"\xc2\x85",
    b"\xe2\x80\xa8", b"\\u0000", b"\\ud800", b"%zz", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\0\0\0",
    b"\xef\xbb\xbf", b"-----BEGIN PGP",
)  # fmt: skip


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return a document with up to four changes: bytes flipped, put in, taken out, repeated, or its end cut off."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        how = chance.randrange(6)
        if how == 0 and at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
        elif how == 1 and at < len(changed):
            changed[at] = chance.choice((0, 1, 0x7F, 0x80, 0xC0, 0xFE, 0xFF))
        elif how == 2:
            changed[at:at] = chance.choice(PIECES)
        elif how == 3:
            del changed[at : at + chance.choice((1, 3, 20, 200))]
        elif how == 4:
            changed[at:at] = changed[at : at + 300]
        elif chance.random() < 0.2:
            del changed[at:]
    return bytes(changed)

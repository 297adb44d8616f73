"""What fuzz targets of the far side begin with where cudepot has no such reader: its settings, its keys."""

from __future__ import annotations

from cudepot.catalog.config.template import render_origin_template

_KEY = b"\x04" + bytes(4) + b"\x01" + b"\0\x08\x80" + b"\0\x08\x80"
_TOML = render_origin_template(
    label="acme", key="A" * 40, keyring="keys/site.asc", upstream_keys=["B" * 40, "C" * 40], unsigned=["a/b", "c"]
)

FAR: dict[str, tuple[bytes, ...]] = {
    "far_settings": (
        _TOML.encode(),
        b'a = "\\u00e9\\t"  # "x\nb = [\n  "y", # z\n]\n[t]\nc = 0\nd = true\n',
        *(b'a = "\\x"', b"a = [", b'a = "', b"[[a]]", b"a.b = 1", b"a = 1\na = 2", b'a = ["b" "c"]', b"a = '''", b"\0"),
        b"a = [" * 5000,
    ),
    "far_keys": (
        b"\x99" + len(_KEY).to_bytes(2) + _KEY,
        b"\xc6" + bytes([len(_KEY)]) + _KEY + b"\xd1\xff\0\0\0\x01x",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n=AAAA\n-----END PGP PUBLIC KEY BLOCK-----\n",
        *(b"\x9b", b"\xc6\xe0", b"\xc6\xff\xff\xff\xff\xff", b"\0\0\0\x20\1\1\0\2KBXf" + bytes(20), b""),
    ),
}

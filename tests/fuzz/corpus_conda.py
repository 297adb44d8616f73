"""What fuzz targets of conda channels begin with: indexes in all their forms, whole and damaged."""

from __future__ import annotations

import json

import msgpack
import zstandard

_DEEP = b"[" * 100_000  # more than any interpreter's stack
_FILE, _STEM = "zlib-1.3-h1_0.conda", "zlib-1.3-h1_0"
_RECORD = {
    "name": "zlib", "version": "1.3", "build": "h1_0", "build_number": 0, "depends": ["libzlib"], "size": 5,
    "sha256": "ab" * 32, "md5": "cd" * 16,
}  # fmt: skip
_RAW = {**_RECORD, "sha256": bytes(32), "md5": bytes(16), "run_exports": {"weak": ["zlib >=1.3"]}}
_HASHES = {"zlib": bytes(32), "libzlib": bytes(range(32))}


def _document(**fields: object) -> bytes:
    return json.dumps(fields).encode()


CONDA: dict[str, tuple[bytes, ...]] = {
    "channel": (
        _document(info={"subdir": "linux-64"}, **{"packages.conda": {_FILE: _RECORD}}),
        _document(v3={"conda": {_STEM: _RECORD}, "whl": {}}, removed=[_FILE], repodata_version=2),
        _document(packages={f"{_STEM}.tar.bz2": {**_RECORD, "run_exports": {"weak": ["zlib"]}}}),
        _document(info={"version": 1}, **{"packages.conda": {_FILE: {"run_exports": {"strong": ["zlib"]}}}}),
        _document(info={"subdir": "linux-64", "base_url": "../x/", "channel_relations": {"base": "../y"}}),
        *(b'{"packages": {"zlib-1.3-h1_0.conda": NaN}}', b'{"packages": []}', b'{"info": []}', _DEEP),
    ),
    "channel_members": (
        json.dumps({f"a-{one}-0.conda": {"depends": ["b", "}, {"], "x": [one]} for one in range(9)}).encode(),
        b'{"a": {}, "a": {"b": "}, "}, "c": {"d": {"e": {}}},"f":{}}',
        b'{ "a" : { } , "b" : 1 , "c" : [ { }, { } ] }',
        *(
            b"{}",
            b'{"a": {},}',
            b'{"a": {}}}',
            b'{"a": {} "b": {}}',
            b'{"a": NaN}',
            b'{"\\u00e4": {}}',
            b'{"a":' * 5000,
        ),
    ),
    "channel_shards": (
        msgpack.packb({"version": 1, "info": {"subdir": "linux-64", "shards_base_url": "./s"}, "shards": _HASHES}),
        msgpack.packb({"packages.conda": {_FILE: _RAW}, "packages": {}, "removed": [f"{_STEM}.tar.bz2"]}),
        msgpack.packb({"packages.conda": {"packed-1.3-h1_0.conda": _RAW | {"name": "packed"}}}),
        msgpack.packb({"v3": {"conda": {_STEM: _RAW}, "tar.bz2": {}}}),
        msgpack.packb({"info": {"subdir": "linux-64"}, "shards": {"Zlib": bytes(32), "a\nb": bytes(32)}}),
        msgpack.packb({"packages": {_FILE: {**_RAW, "when": msgpack.Timestamp(1), "odd": [b"\xff", float("nan")]}}}),
        zstandard.ZstdCompressor().compress(msgpack.packb({"info": {"subdir": "linux-64"}, "shards": {}})),
        *(b"\x91" * 5000, b"\xdf\xff\xff\xff\xff", b"\x28\xb5\x2f\xfd"),
    ),
}

"""What `doctor` reads on a machine, one text of each kind."""

from __future__ import annotations

INSTALLED = (
    (
        b'{"name": "libcudnn", "version": "9.1.0.70", "build": "cuda12_h0_0", "depends": ["cuda-version >=12,<13"], '
        b'"paths_data": {"paths": [{"_path": "lib/libcudnn.so.9", "path_type": "hardlink", "sha256": "ab", '
        b'"size_in_bytes": 5}]}}'
    ),
    b'nvidia/cudnn/lib/libcudnn.so.9,sha256=qqqq,5\nnvidia/cudnn/include/cudnn.h,sha256==,x\n"',
    b"Package: libcudnn9-cuda-12\nStatus: install ok installed\nVersion: 1:9.1.0.70-1\n\n",
    b"@ libcudnn8 8.9.7.29-1.cuda12.2\n/usr/lib64/libcudnn.so.8\t5\t" + b"a" * 32 + b"\t\n",
    b"Requires-Dist: nvidia-cudnn-cu12<10.0,>=9.8; extra == 'with-cuda'\n\n",
    b"MIN_CUDNN_VERSION = (9, 12, 0)\n('cudnn_version', '9')\n",
    b'#!/bin/sh\n\'\'\'exec\' "/a b/bin/python" "$0" "$@"\n',
    b"#!/usr/bin/env -S A=1 python3 -u\n",
    b"NVIDIA H100, 570.82.01, 9.0\nTesla T4, 470.82.01\n",
    b"\tlibcudnn.so.9 (libc6,x86-64) => /usr/lib/libcudnn.so.9\n",
    b"auto\n/usr/include/cudnn.h\n\n/usr/include/cudnn_v9.h\n90\n",
    b"7f0-7f1 r-xp 0 08:01 5 /usr/lib/libcudnn.so.9 (deleted)\n",
    b"@ libcudnn8 8.9.7.29-1.cuda12.2\n/opt/a@ b/libcudnn.so.8\t5\t\t\n@ ",
    b"[" * 5000,
)

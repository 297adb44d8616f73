"""Whether this machine's kernel gives a process namespaces of its own, as a build from source needs them."""

from __future__ import annotations

import functools

import pytest
from simulator.process import run


@functools.cache
def why_not() -> str:
    """Return what keeps this machine from such namespaces, as util-linux tells it; empty when nothing does."""
    done = run("unshare", "--user", "--map-root-user", "--mount", "--pid", "--net", "--fork", "true", check=False)
    return "" if done.returncode == 0 else f"no namespaces: {done.stderr.strip()}"


isolated = pytest.mark.skipif(bool(why_not()), reason=why_not())
"""Marks tests that build from source."""

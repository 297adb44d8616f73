"""Commands without root's right to write anywhere: the owner's modes hold for them, whoever runs the tests."""

from __future__ import annotations

import os

BARE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
"""Put before a command; below it, uid 0 is an owner like any other."""

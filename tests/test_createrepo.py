"""Where createrepo_c cannot be loaded, as on a bare Debian, which has no GLib."""

from __future__ import annotations

import sys
from pathlib import Path

from simulator.process import clean_env, run

_ASK = """\
from cudepot.createrepo import createrepo
from cudepot.errors import ConfigError
try:
    createrepo()
except ConfigError as error:
    print(error, error.hint, sep="\\n")
"""


def test_a_machine_without_glib_is_a_machine_that_lacks_a_package(tmp_path: Path) -> None:
    broken = tmp_path / "createrepo_c"
    broken.mkdir()
    (broken / "__init__.py").write_text("import ctypes\nraise ImportError('libgobject-2.0.so.0: cannot open')\n")
    done = run(sys.executable, "-c", _ASK, env=clean_env(PYTHONPATH=str(tmp_path)))
    said, hint = done.stdout.splitlines()
    assert said == "createrepo_c, which reads rpms, cannot be loaded: libgobject-2.0.so.0: cannot open"
    assert "apt-get install libglib2.0-0" in hint

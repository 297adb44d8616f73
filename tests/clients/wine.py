"""Windows as far as Debian has it: wine runs a small program, made by mingw-w64, that loads DLLs of the packages.

Wine is not among what ``scripts/setup`` installs: with its libraries it takes 700 MB. Tests that need it are skipped
where it is missing (``apt-get install --no-install-recommends wine64``).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from simulator.process import clean_env, run

WINE = shutil.which("wine64") or next((one for one in ("/usr/lib/wine/wine64",) if os.access(one, os.X_OK)), "")

_LOADER = r"""
#include <stdio.h>
#include <windows.h>
int main(int n, char **a) {
  for (int i = 1; i < n; i++) {
    HMODULE h = LoadLibraryExA(a[i], 0, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (!h) { printf("%s: error %lu\n", a[i], GetLastError()); return 1; }
    FARPROC f = GetProcAddress(h, "cudnnGetVersion");
    if (f) printf("%lu\n", ((unsigned long (*)(void))f)());
  }
  return 0;
}
"""


def load(folder: Path, scratch: Path) -> str:
    """Load every DLL of a folder in one process; return what ``cudnnGetVersion`` of those that have it says."""
    (scratch / "load.c").write_text(_LOADER)
    run("x86_64-w64-mingw32-gcc", "-o", str(scratch / "load.exe"), str(scratch / "load.c"))
    prefix = scratch / "wine"
    prefix.mkdir(exist_ok=True)
    quiet = {"WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml=", "DISPLAY": ""}
    env = clean_env(WINEPREFIX=str(prefix), HOME=str(scratch), **quiet)
    names = [f"Z:{one}".replace("/", "\\") for one in sorted(folder.glob("*.dll"))]
    assert names, f"no DLL in {folder}"
    argv = [WINE, str(scratch / "load.exe"), *names]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    return done.stdout.strip()

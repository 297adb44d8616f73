"""A cudepot project driven through its command line, for the end-to-end tests and the demo."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from simulator.process import ToolError, clean_env, run

Echo = Callable[[str], None]


class Project:
    """A project folder; :meth:`cudepot` runs one verb in it as a user would.

    Args:
        folder: where it is to be.
        echo: told each command before it runs (the demo prints it).
    """

    def __init__(self, folder: Path, echo: Echo = lambda _: None) -> None:
        self.folder, self._echo = folder, echo
        self.toml = folder / "cudepot.toml"
        self.site = folder / "site" / "current"

    def cudepot(self, verb: str, *options: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``cudepot VERB -C FOLDER OPTIONS``."""
        self._echo(" ".join(("cudepot", verb, *options)))
        argv = [sys.executable, "-m", "cudepot.cli.main", verb, "-C", str(self.folder), *options]
        return run(*argv, env=self.environ, check=check, timeout=900)

    @property
    def environ(self) -> dict[str, str]:
        """What of this process's environment the command sees."""
        passed = ("PYTHONPATH", "REQUESTS_CA_BUNDLE")
        return clean_env(**{key: value for key, value in os.environ.items() if key in passed or key.startswith("AWS_")})

    def init(self, label: str = "acme") -> None:
        """Make the project with a key of its own."""
        self.cudepot("init", "--label", label)

    def append(self, text: str) -> None:
        """Add sections to cudepot.toml."""
        self.toml.write_text(self.toml.read_text() + text)

    def to_s3(self, bucket: str, endpoint: str, more: str = "") -> None:
        """Publish to a bucket from now on, and no longer to the folder."""
        site = f'[site]\ntype = "s3"\nbucket = "{bucket}"\nprefix = "pub"\nendpoint = "{endpoint}"\n{more}'
        self.toml.write_text(self.toml.read_text().replace("[site]\n", site, 1))

    def accept_licence(self) -> str:
        """Do what the refusal of ``cudepot repackage`` says, and return the hash that was accepted."""
        refused = self.cudepot("repackage", check=False)
        found = re.search(r"\(sha256 ([0-9a-f]{64})\)", refused.stderr)
        if refused.returncode != 8 or not found:
            raise ToolError(refused)
        self.toml.write_text(self.toml.read_text().replace("accept-eula = []", f'accept-eula = ["{found[1]}"]'))
        self.cudepot("lock")
        return found[1]

    @property
    def key(self) -> Path:
        """The site's public key, as clients get it."""
        return self.site / "keys" / "site.gpg"

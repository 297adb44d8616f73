"""What a system has of a program besides the program itself: manual pages, and completion scripts of shells."""

from __future__ import annotations

from collections.abc import Mapping

from cudepot.cli.completion import SHELLS, script
from cudepot.cli.main import EXIT_CODES, parser
from cudepot.cli.manual import SECTION, pages

_SCRIPTS = {
    "bash": "bash-completion/completions/cudepot",
    "zsh": "zsh/site-functions/_cudepot",
    "fish": "fish/vendor_completions.d/cudepot.fish",
}


def shared_files() -> Mapping[str, bytes]:
    """Return all of them by their path below ``share``, as a prefix of its own (a venv, /usr/local) has them."""
    manual = {f"man/man{SECTION}/{name}": data for name, data in pages(parser(), EXIT_CODES).items()}
    return manual | {_SCRIPTS[shell]: script(shell).encode() for shell in SHELLS}

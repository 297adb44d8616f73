"""``cudepot schema``."""

from __future__ import annotations

import argparse
import json

from cudepot.cli.output import Answer

NAME = "schema"
HELP = "print the JSON schema of cudepot.toml, for editors"
DESCRIPTION = """\
Print the JSON schema of cudepot.toml: keys, types and choices, as this cudepot reads them. Editors with a TOML
language server (taplo, tombi) use it to complete and check the file if its first line names it:
  cudepot schema > cudepot.schema.json
  #:schema ./cudepot.schema.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""


def run(args: argparse.Namespace) -> Answer:  # noqa: ARG001
    """Run the verb."""
    from cudepot.workflows.schema import schema

    found = schema()
    return found, json.dumps(found, indent=1).splitlines(), 0

"""Runs the command line: of the one file, and of the package in a checkout."""

import sys

if sys.version_info < (3, 6):
    sys.exit("cudepot-far needs Python 3.6 or newer")

from cudepot_far.cli import main

if __name__ == "__main__":
    sys.exit(main())

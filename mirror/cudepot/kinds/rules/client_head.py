"""The first line of configuration that leaves a client the site alone: whose it is, and where it goes. Pure."""

from __future__ import annotations


def head(label: str, path: str) -> str:
    """Return the comment; ``label`` says who the site is, ``path`` where the file is on the client."""
    return f"# Channels of the site {label}; written by cudepot. Goes to /{path}\n"

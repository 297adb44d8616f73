"""Runs a command of somebody else's where it sees no network, nothing of the user's, and can change nothing.

A program of its own, run as a child: who makes namespaces must have one thread, and stays in them. Standard library
only. See :mod:`cudepot.builders.sandbox` for who starts it.
"""

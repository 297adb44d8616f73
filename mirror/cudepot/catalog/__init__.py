"""Decisions without I/O: configuration, lock, trust, selection, snapshot, site plan."""

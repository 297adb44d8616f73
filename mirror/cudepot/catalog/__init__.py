"""Decisions without I/O that no kind has to itself: configuration, lock, trust, snapshot, ecosystems."""

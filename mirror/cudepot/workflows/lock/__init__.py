"""Verbs that write the lock."""

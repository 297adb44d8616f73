"""Repackaging."""

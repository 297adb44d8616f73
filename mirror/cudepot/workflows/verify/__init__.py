"""Hashing and judging again what is there."""

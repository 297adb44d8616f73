"""Saves what cannot be fetched again, and makes the same site of it on an empty machine."""

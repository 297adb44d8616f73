"""Stores in buckets."""

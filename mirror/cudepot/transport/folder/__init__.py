"""Upstreams that are folders."""

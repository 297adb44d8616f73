"""Upstreams and sites that are folders."""

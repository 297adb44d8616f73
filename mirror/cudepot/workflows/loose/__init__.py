"""Packages out of files that somebody has, without a project."""

"""Folders of artifacts somebody downloaded."""

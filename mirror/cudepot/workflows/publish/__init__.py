"""Verbs that change what the site shows."""

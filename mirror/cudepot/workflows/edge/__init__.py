"""Edges: sites that follow another one over HTTP."""

"""Fuzz targets for every parser of bytes that came from outside; ``scripts/fuzz`` runs them for hours."""

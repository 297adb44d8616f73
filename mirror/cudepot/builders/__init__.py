"""Builds that need a tool: recipe rendering and channel indexing."""

"""Stacks: what people mirror together, by name."""

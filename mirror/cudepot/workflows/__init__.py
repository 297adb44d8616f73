"""One module a verb, over ports."""

"""The install kit: cudepot and all it needs, to be carried to machines that reach no index."""

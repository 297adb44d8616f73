"""Asks an sdist's backend through PyPI's ``build``: a program of its own, run in isolation by a Python that builds."""

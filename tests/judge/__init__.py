"""Odd repositories, judged by the real clients."""

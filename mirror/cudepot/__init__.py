"""Bring NVIDIA's cuDNN to machines that must be pinned, private or offline."""

__version__ = "0.1.0"

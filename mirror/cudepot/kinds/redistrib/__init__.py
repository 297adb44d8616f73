"""NVIDIA's redistrib folders: manifests that name archives by sha256."""

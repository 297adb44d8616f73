"""A small NVIDIA on loopback: real artifacts, repositories and keys, and a server that can misbehave."""

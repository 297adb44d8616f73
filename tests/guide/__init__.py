"""NVIDIA's installation guide as data, followed on sites of ours by real package managers."""

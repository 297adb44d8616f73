"""What is known of NVIDIA's releases and paths."""

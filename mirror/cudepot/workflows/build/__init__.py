"""What is made of artifacts: conda packages and wheels, statements of their origin, samples."""

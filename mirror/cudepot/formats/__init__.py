"""File formats without I/O: bytes or an open binary stream in, values or bytes out."""

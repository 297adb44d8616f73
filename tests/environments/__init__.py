"""Environments of wheels through the command line, on the simulator's indexes."""

"""Looks at a machine: the cuDNN that is installed there, the loader's choice, the driver, the GPU."""

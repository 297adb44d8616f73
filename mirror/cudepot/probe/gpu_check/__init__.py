"""Proves on a GPU that an installed cuDNN works: convolution, pooling, softmax and a graph, compared with plain Python.

A program of its own, run as a child by the Python of the environment that is looked at: a cuDNN that lacks a library
aborts the whole process. Standard library only, Python 3.8 or newer, no compiler, no framework. It speaks to the
driver (``libcuda.so.1``) for memory and time, and to cuDNN through ctypes.
"""

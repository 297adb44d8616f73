"""Files that say which conda packages, and which wheels beside them, somebody wants. Pure.

Conda's environment files and explicit files, the locks of conda-lock and pixi, pixi's manifest. Several kinds read
them: the conda packages are one kind's, the wheels another's.
"""

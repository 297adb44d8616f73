"""What cudepot meets outside, simulated on loopback, for tests/ and bench/ alike; not part of the wheel.

A small NVIDIA (:mod:`simulator.nvidia`, :mod:`simulator.yum`): real debs, rpms, wheels and archives of a cuDNN that
holds next to nothing, real repositories and keys, and a server that misbehaves as real ones have
(:mod:`simulator.server`, :mod:`simulator.faults`, :mod:`simulator.incidents`). Also S3 servers
(:mod:`simulator.s3`), machines on which a cuDNN is installed (:mod:`simulator.cudnn_trees`), and projects, near and
far, that are driven through cudepot's command line (:mod:`simulator.project`, :mod:`simulator.sides`). It imports
nothing of tests/ or bench/.
"""

"""``cudepot run``: lock, sync, repackage and publish as one job that may run every night."""

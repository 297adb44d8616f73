"""The far side of an air gap in one file: what ``python3 cudepot-far.pyz`` runs where there is no cudepot.

It imports nothing but the standard library of Python 3.6, and starts nothing but ``gpgv``. Store, site and
``cudepot.toml`` are those of cudepot, which may take them over at any time, and the other way around.
Formats: ``docs/formats.md``.
"""

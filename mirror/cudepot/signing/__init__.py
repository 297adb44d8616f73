"""OpenPGP by GnuPG: gpgv verifies, gpg signs."""

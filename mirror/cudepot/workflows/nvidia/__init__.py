"""The paths of NVIDIA's own repositories on the site, for clients that know no other."""

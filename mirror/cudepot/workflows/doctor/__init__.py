"""``cudepot doctor``: gathers what is installed, who loads it, and what is around it."""

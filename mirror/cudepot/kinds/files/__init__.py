"""Archives and installers, published as NVIDIA made them."""

"""The verbs, over ports: a wing each, or one module for a small one."""

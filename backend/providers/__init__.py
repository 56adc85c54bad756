"""Model providers: one file each, a registry line each, imported only when a run needs them."""

"""One module per page; each reads like its table of contents."""

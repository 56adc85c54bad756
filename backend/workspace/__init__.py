"""The worker's copy of a repository: files, mirror, checkout, checkpoints, diff, push."""

"""`python -m backend.cli`: the same as `asynccoder`."""

from backend.cli import main

main()

"""When things run: RQ's functions, the worker's entry, the sweeps and pollers."""

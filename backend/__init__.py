"""Async Coder's backend: everything but the dashboard and the job entry points."""

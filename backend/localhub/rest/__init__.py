"""The REST API under `/api/v3`, as far as the product uses it."""

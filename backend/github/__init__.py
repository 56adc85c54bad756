"""GitHub as we use it: the REST client, sign-in, and webhooks. Knows no database, no Redis and no settings."""

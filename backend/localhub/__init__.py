"""A small, strict GitHub on this machine: sign-in, REST, git over HTTP, signed webhooks and pages. Runs by itself."""

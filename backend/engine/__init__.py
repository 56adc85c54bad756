"""The agent: one loop, six tools, one log, and a budget that stops before the money is spent."""

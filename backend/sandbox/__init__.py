"""The jail: where everything that the model or the repository brings is run."""

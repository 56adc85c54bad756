"""The pages: HTML made here, without scripts. Everything that people or repositories wrote goes through `escape`."""

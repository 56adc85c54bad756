"""What things cost, each beside a bare counterpart measured in the same run. `make bench` runs them all."""

"""React components that Reflex has no equal for, each a thin wrapper over one file in assets/components."""

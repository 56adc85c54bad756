"""What the product decides and changes: one use case a function, session first, permission decided here."""

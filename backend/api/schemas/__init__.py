"""What the REST API takes and answers: one file a subject."""

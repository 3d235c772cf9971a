"""Values of known form in a text."""

"""One file for each endpoint, and what they share."""

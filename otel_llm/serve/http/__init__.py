"""Bodies, errors and limits of HTTP requests."""

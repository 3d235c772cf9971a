"""One module per client library: it maps fields."""

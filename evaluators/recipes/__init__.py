"""The making of the weights: one module per model, each run as `python -m recipes.<name>`."""

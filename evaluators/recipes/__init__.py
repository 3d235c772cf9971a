"""How the weights were made: one module per model, each run as `python -m recipes.<name>`."""

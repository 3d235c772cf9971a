"""The models: a small real one, and one that answers by script."""

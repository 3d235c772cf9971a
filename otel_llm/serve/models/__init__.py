"""The models: a small real model, and one that answers by script."""

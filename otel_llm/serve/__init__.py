"""The OpenAI-compatible model server: a small real model, and one that answers by script."""

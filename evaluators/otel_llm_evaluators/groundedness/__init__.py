"""Groundedness: an answer that says only what its context supports."""

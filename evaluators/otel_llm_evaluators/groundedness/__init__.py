"""Groundedness: what of an answer its context supports."""

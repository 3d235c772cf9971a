"""Drift of a stream of texts away from a reference."""

"""Classifiers that need no Python of their own."""

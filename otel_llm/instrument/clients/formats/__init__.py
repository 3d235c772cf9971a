"""Formats that several clients share."""

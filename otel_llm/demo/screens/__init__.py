"""The views of the demo."""

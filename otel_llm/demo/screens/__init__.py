"""What the demo draws."""

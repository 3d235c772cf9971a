"""What was said: whether, where and how it is recorded."""

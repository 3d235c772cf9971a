"""The content of calls: whether, where and how it is recorded."""

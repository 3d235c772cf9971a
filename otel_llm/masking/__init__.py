"""Which content of a span may go on, and how it is masked."""

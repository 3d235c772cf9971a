"""Self-consistency: several answers to one request say the same."""

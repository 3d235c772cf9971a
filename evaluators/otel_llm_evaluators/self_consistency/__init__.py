"""Self-consistency: several answers to one request that say the same."""

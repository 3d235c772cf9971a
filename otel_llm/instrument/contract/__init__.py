"""The contract of a client: its interface, and the data to which it maps its calls."""

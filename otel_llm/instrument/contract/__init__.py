"""The contract of a client: its interface, and the data that it maps its calls to."""

"""What a client is to the lifecycles, and what it maps its calls to."""

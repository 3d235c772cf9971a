"""Several processes of one service."""

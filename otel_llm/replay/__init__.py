"""Dead letters again: shown, or sent to a receiver once more."""

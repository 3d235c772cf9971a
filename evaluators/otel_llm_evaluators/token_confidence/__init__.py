"""Token confidence: how likely the model found its own tokens."""

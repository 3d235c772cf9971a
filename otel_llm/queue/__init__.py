"""Between receive and evaluate: what was acknowledged waits on disk, and survives a crash."""

"""Between receive and evaluate: acknowledged requests wait, on disk where they must survive a crash."""

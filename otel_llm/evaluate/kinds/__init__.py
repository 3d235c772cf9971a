"""The kinds of evaluators: classifiers that need no Python of their own, and the loading of every kind."""

"""The stages of the service's start and stop: each a context, opened by `assembly.running` in one list."""

"""Evaluators at work: batches, selection, deadlines."""

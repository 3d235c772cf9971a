"""What every evaluator must keep to."""

"""What an evaluator is: its folder, its results."""

"""The checks that every evaluator passes."""

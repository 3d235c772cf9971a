"""Models of other libraries in, evaluator folders out; and what is installed of those, listed and checked."""

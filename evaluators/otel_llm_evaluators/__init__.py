"""One folder per evaluator: its manifest, code or weights, model card and cases."""

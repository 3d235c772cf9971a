"""One folder per evaluator: its manifest, model card, weights and cases."""

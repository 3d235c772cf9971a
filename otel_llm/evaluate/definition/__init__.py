"""An evaluator as data: its manifest, the protocol of its code, its results."""

"""GenAI calls in, results out: the batcher, the ONNX runtime, the evaluators, drift."""

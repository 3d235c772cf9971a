"""ONNX models and what they read: encoders, sessions, windows of texts."""

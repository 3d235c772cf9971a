"""Tests that load original models need the extra `export`, torch among it, in an environment of its own."""

from importlib.util import find_spec

HAS_TORCH = find_spec("torch") is not None
collect_ignore = ["test_in_own_environment.py", "test_models_command.py"] if HAS_TORCH else ["test_originals.py"]

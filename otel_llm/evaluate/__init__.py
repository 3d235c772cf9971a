"""GenAI calls in, results out: the batcher, the ONNX runtime, the evaluators, drift.

The package can be called: `otel_llm.evaluate()` is `otel_llm.evaluate.offline.evaluate.evaluate()`.
"""

from __future__ import annotations

import os
import sys

from otel_llm.callable_package import CallablePackage

# ONNX Runtime's official builds report their use to their maker unless this says no; they read it when loaded
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_FUNCTION = "otel_llm.evaluate.offline.evaluate:evaluate"

sys.modules[__name__].__class__ = CallablePackage

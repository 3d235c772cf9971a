"""ONNX Runtime sessions as the service needs them: pinned to one thread, never spinning."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray

from otel_llm.errors import ConfigError, ModelError
from otel_llm.evaluate.definition.encoding import FloatArray
from otel_llm.evaluate.engine import execution_providers


def session(path: Path) -> ort.InferenceSession:
    """Return a session over the model file that runs on the calling thread alone.

    Several threads may run the session at once. ONNX Runtime's own threads would spin while they wait: measured
    beside a busy process, two spinning threads take ten times as long.

    Raises:
        ModelError: the file is not an ONNX model that this runtime can load.
        ConfigError: a provider of `running_on` is available, but cannot start.
    """
    wanted = execution_providers.wanted()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        made = ort.InferenceSession(path, options, providers=list(wanted))
    except Exception as error:  # the runtime's exceptions have no base class of their own
        raise ModelError(
            f"{path}: must be an ONNX model that onnxruntime {ort.__version__} loads: {error}"
        ) from error
    started = made.get_providers()
    if not set(wanted) <= set(
        started
    ):  # the runtime only logs a provider that cannot start, and goes on with the CPU
        raise ConfigError(
            f"evaluate.providers: must be able to start, got {', '.join(wanted)}, and only"
            f" {', '.join(started)} did: install what the other needs, such as CUDA and cuDNN"
        )
    return made


def probe(path: Path, model: ort.InferenceSession, inputs: Mapping[str, NDArray[Any]]) -> FloatArray:
    """Return the model's first output for the inputs.

    Raises:
        ModelError: the model cannot run on them.
    """
    try:
        output: FloatArray = model.run(None, dict(inputs))[0]
    except Exception as error:  # the runtime's exceptions have no base class of their own
        shapes = ", ".join(f"{name} {value.dtype} {value.shape}" for name, value in inputs.items())
        raise ModelError(f"{path}: must run on {shapes}: {error}") from error
    return output

"""ONNX Runtime sessions as the service needs them: pinned to one thread, never spinning."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from otel_llm.errors import ModelError

FloatArray: TypeAlias = NDArray[np.float32]
IntArray: TypeAlias = NDArray[np.int64]


def session(path: Path) -> ort.InferenceSession:
    """Return a session over the model file that runs on the calling thread alone.

    Several threads may run it at once. Threads that ONNX Runtime would start itself spin while they wait, and two
    spinning threads beside a busy process lose ten-fold.

    Raises:
        ModelError: the file is not an ONNX model that this runtime can load.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's exceptions share no base of their own
        raise ModelError(
            f"{path}: must be an ONNX model that onnxruntime {ort.__version__} loads: {error}"
        ) from error

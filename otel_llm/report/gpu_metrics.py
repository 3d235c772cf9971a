"""Use of the machine's GPUs as metrics; none without a GPU or with a driver that fails."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from otel_llm import names
from otel_llm.names import Metric

_log: Final = logging.getLogger(__name__)


def watch_gpus(meter: Meter, library: str = "pynvml") -> bool:
    """Report NVIDIA's GPUs at each scrape; return True if there are any.

    Args:
        meter: the meter whose metrics are exposed.
        library: the module of nvidia-ml-py, which comes with `otel-llm[collector-gpu]`.
    """
    try:
        nvml = importlib.import_module(library)
        nvml.nvmlInit()
        gpus = [_Gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
    except ImportError:
        return False
    except Exception as error:  # any error of a driver: metrics must not keep the service from starting
        _log.debug("no GPU is watched: %s", error)
        return False

    def observe(metric: Metric, value: Callable[[_Gpu], float]) -> None:
        def callback(_: CallbackOptions) -> list[Observation]:
            return list(_observations(gpus, value))

        meter.create_observable_gauge(metric.name, [callback], metric.unit, metric.description)

    observe(names.GPU_UTILIZATION, lambda gpu: gpu.utilization)
    observe(names.GPU_MEMORY_USAGE, lambda gpu: gpu.memory.used)
    observe(names.GPU_MEMORY_LIMIT, lambda gpu: gpu.memory.total)
    return bool(gpus)


class _Gpu:
    def __init__(self, nvml: ModuleType, index: int) -> None:
        self._nvml = nvml
        self._handle = nvml.nvmlDeviceGetHandleByIndex(index)
        self.labels = {
            names.GPU_ID: _text(nvml.nvmlDeviceGetUUID(self._handle)),
            names.GPU_MODEL: _text(nvml.nvmlDeviceGetName(self._handle)),
        }

    @property
    def utilization(self) -> float:
        """Share of time in use, in [0, 1]."""
        return float(self._nvml.nvmlDeviceGetUtilizationRates(self._handle).gpu) / 100

    @property
    def memory(self) -> Any:
        """Memory, as `used` and `total` bytes."""
        return self._nvml.nvmlDeviceGetMemoryInfo(self._handle)


def _observations(gpus: list[_Gpu], value: Callable[[_Gpu], float]) -> Iterator[Observation]:
    for gpu in gpus:
        try:
            yield Observation(value(gpu), gpu.labels)
        except Exception as error:  # for instance, a GPU that was lost
            _log.warning("a GPU cannot be asked: %s", error)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()

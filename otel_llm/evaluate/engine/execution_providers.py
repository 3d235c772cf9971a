"""The execution providers of sessions, chosen without an import of ONNX Runtime, which takes memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from otel_llm.errors import ConfigError

CPU: Final = "CPUExecutionProvider"
_wanted: Final[ContextVar[tuple[str, ...]]] = ContextVar("providers", default=(CPU,))


def wanted() -> tuple[str, ...]:
    """Return the execution providers that new sessions run on."""
    return _wanted.get()


@contextmanager
def running_on(providers: Sequence[str]) -> Iterator[None]:
    """Make new sessions in the block run on these providers: each node on the first that can run it.

    Only the CPU has been tested. Models of dynamic int8, as the bundled ones are, gain nothing from CUDA, which
    leaves their products to the CPU; a model in float32 or float16 can. Scores may then differ in the last digits.

    Raises:
        ConfigError: one of them is not available.
    """
    if set(providers) != {CPU}:  # the CPU's provider is always available
        _check(providers)
    token = _wanted.set(tuple(providers))
    try:
        yield
    finally:
        _wanted.reset(token)


def _check(providers: Sequence[str]) -> None:
    import onnxruntime as ort  # noqa: PLC0415 - 20 MB, only where others than the CPU are named

    available = ort.get_available_providers()
    for name in providers:
        if name not in available:
            raise ConfigError(
                f"evaluate.providers: must be among those of this onnxruntime, {', '.join(available)}, got"
                f" {name!r}: for CUDA, pip install 'otel-llm[collector-gpu]' in an environment without onnxruntime"
            )

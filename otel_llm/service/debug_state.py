"""The state of a running service for `/debug`: no content of calls, no secret of the settings."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, Final

from otel_llm.config.service import ServiceSettings
from otel_llm.dead_letters.writer import DeadLetters
from otel_llm.queue.base import Queue
from otel_llm.receive.intake import Intake
from otel_llm.report.debug_page import State, Value
from otel_llm.service.flow.delivery import Delivery
from otel_llm.service.flow.evaluation import EvaluationStage
from otel_llm.service.flow.losses import Losses
from otel_llm.version import __version__

_PACKAGES: Final = (
    "otel-llm-evaluators",
    "onnxruntime",
    "tokenizers",
    "grpcio",
    "protobuf",
    "opentelemetry-sdk",
    "uvicorn",
)


class DebugState:
    """Reads the state of a service's parts, without waiting for any of them. Used in the event loop."""

    def __init__(
        self,
        *,
        queue: Queue,
        intake: Intake,
        evaluation: EvaluationStage,
        deliveries: Mapping[str, Delivery],
        letters: DeadLetters,
        losses: Losses,
    ) -> None:
        self._queue = queue
        self._intake = intake
        self._evaluation = evaluation
        self._deliveries = deliveries
        self._letters = letters
        self._losses = losses
        self._started = datetime.now(UTC)
        self._versions = {"otel-llm": __version__, "python": platform.python_version(), **_versions()}

    def state(self, settings: ServiceSettings) -> State:
        """Return the parts of the service, and what waits in them, under these settings."""
        return {
            "Service": {
                "mode": "inline" if settings.forward.endpoint else "tap",
                "started": self._started.isoformat(timespec="seconds"),
                "in flight, bytes": self._intake.in_flight_bytes,
                "dead letters": {str(stage): count for stage, count in self._letters.counts.items()},
                "dead letters dropped": self._letters.dropped,
            },
            "Queue": {
                "folder": str(settings.queue.folder) if settings.queue.folder else "in memory",
                "bytes": self._queue.size,
                "bytes at most": self._queue.max_bytes,
                "requests not done": self._queue.pending,
                "oldest of them, s": self._queue.oldest_pending_s(),
                "bytes by tenant": {name or "(none)": size for name, size in self._queue.lanes().items()},
            },
            "Destinations": [
                {
                    "name": name,
                    "endpoint": str((settings.events if name == "events" else settings.forward).endpoint),
                    "bytes waiting": each.sender.pending_bytes,
                    "bytes at most": each.sender.capacity_bytes,
                    "tenants held off": sorted(each.held_tenants()),
                    "last error": each.sender.last_error or None,
                }
                for name, each in self._deliveries.items()
            ],
            "Evaluators": self._evaluation.pipeline.states(),
            "Refused since the start": dict(self._intake.refusals),
            "GenAI spans not evaluated": [
                {"operation": operation, "reason": reason, "spans": count}
                for (operation, reason), count in self._losses.not_evaluated().items()
            ],
            "Content not read whole": [
                {"dialect": dialect, "attribute": attribute, "reason": reason, "times": count}
                for (dialect, attribute, reason), count in self._losses.problems().items()
            ],
            "Versions": self._versions,
            "Settings": _without_secrets(settings.model_dump(mode="json", exclude_defaults=True)),
        }


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # such as onnxruntime where onnxruntime-gpu is installed
            found[name] = None
    return found


def _without_secrets(settings: dict[str, Any]) -> dict[str, Value]:
    """Return the settings that differ from the defaults, by dotted key, without the values of headers."""
    flat: dict[str, Value] = {}

    def walk(prefix: str, value: Any) -> None:
        if prefix.endswith(".headers"):
            flat[prefix] = ", ".join(value) + ": not shown"
        elif isinstance(value, dict) and value:
            for key, each in value.items():
                walk(f"{prefix}.{key}" if prefix else key, each)
        else:
            flat[prefix] = value

    walk("", settings)
    return flat

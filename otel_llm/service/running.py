"""A running service, as the command that runs it sees it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Final

from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.config.service import ServiceSettings
from otel_llm.errors import ConfigError
from otel_llm.evaluate.run.pipeline import Pipeline
from otel_llm.evaluate.run.selection import Selection
from otel_llm.service.background import in_background
from otel_llm.service.flow.evaluation import EvaluationStage
from otel_llm.service.flow.plan import Planner

Load = Callable[[EvaluateSettings], Pipeline]
"""Loads the evaluators that the settings name."""

_log: Final = logging.getLogger(__name__)


def selection_of(settings: ServiceSettings, pipeline: Pipeline) -> Selection:
    """Return which evaluators of a pipeline see which calls.

    Raises:
        ConfigError: the settings select an evaluator that does not run.
    """
    return Selection(settings.selection, pipeline.evaluators, drift=settings.evaluate.drift.enabled)


class Service:
    """A running service: its addresses, and what can be changed while it runs. Used in the event loop.

    `assembly.running` makes it once all stages are started; `Stages` draws its states.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        load: Load,
        evaluation: EvaluationStage,
        planner: Planner,
        *,
        grpc: str,
        http: str,
        telemetry: str,
    ) -> None:
        self.settings = settings
        """The settings in force."""
        self.grpc = grpc
        """Address host:port of OTLP/gRPC."""
        self.http = http
        """Base URL of OTLP/HTTP."""
        self.telemetry = telemetry
        """Base URL of /metrics, /healthz and /debug."""
        self._load = load
        self._evaluation = evaluation
        self._planner = planner

    async def reload(self, settings: ServiceSettings) -> None:
        """Evaluate by other settings from the next batch on; waiting calls stay.

        Raises:
            ConfigError: an evaluator is not installed, or is selected and does not run. Nothing is changed.
            ModelError: an evaluator cannot be loaded. Nothing is changed.
        """
        pipeline = self._evaluation.pipeline
        if settings.evaluate != self.settings.evaluate:
            load = functools.partial(self._load, settings.evaluate)
            pipeline = await in_background("load", load)
        try:
            self._planner.selection = selection_of(settings, pipeline)
        except ConfigError:
            if pipeline is not self._evaluation.pipeline:
                pipeline.close()
            raise
        if pipeline is not self._evaluation.pipeline:
            self._evaluation.replace(pipeline)
        changed = {"evaluate", "selection"}
        for key in type(settings).model_fields:
            if key not in changed and getattr(settings, key) != getattr(self.settings, key):
                _log.warning("%s has changed, and takes effect with the next start", key)
        self.settings = self.settings.model_copy(update={key: getattr(settings, key) for key in changed})
        _log.info("the settings were read again; evaluators: %s", ", ".join(pipeline.evaluators) or "none")

"""The client metrics: what one call measures, recorded by the table of names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from opentelemetry.context import Context, create_key
from opentelemetry.metrics import Meter
from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.config.instrument_values import MetricNames
from otel_llm.instrument.contract.units import UNITS
from otel_llm.instrument.contract.usage import Unit, Usage
from otel_llm.instrument.worker import let_others_run
from otel_llm.names.label_limit import LabelLimit

# Exemplars of the first chunk do; those of every chunk would cost a quarter more. The context holds something, as
# the SDK takes an empty one for none and looks for the current one.
_NO_SPAN: Final = Context({create_key("otel_llm.no_span"): True})
_SLICE: Final = 16  # records between two offers of the interpreter lock: some 0.2 ms
# Of each label. The SDK by itself keeps 2,000 sets of attributes and drops all attributes of the calls beyond, so
# that a provider that makes up model names would take those of all others.
_MAX_LABEL_VALUES: Final = 200

_Labels = Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one call adds to the metrics."""

    attributes: Mapping[str, AttributeValue]
    context: Context
    """Holds the call's span, so that the SDK can link its exemplars."""
    duration_s: float
    error_type: str | None
    usage: Usage | None
    first_chunk_s: float | None
    chunk_times: Sequence[float]
    """When a stream's chunks came, by time.perf_counter()."""


class Metrics:
    """Records measurements."""

    def __init__(self, meter: Meter, metric_names: MetricNames = MetricNames.DEPLOYED) -> None:
        made: dict[names.Metric, _Instrument] = {}
        self._of_inferences = _instruments(meter, metric_names, made, inference=True)
        self._of_others = _instruments(meter, metric_names, made, inference=False)
        self._limit = LabelLimit(_MAX_LABEL_VALUES)

    def record(self, measurement: Measurement) -> None:
        """Record one call."""
        context, error_type = measurement.context, measurement.error_type
        labels = self._limit.limit(measurement.attributes)
        failed = {**labels, **self._limit.limit({names.ERROR_TYPE: error_type})} if error_type else labels
        instruments = self._instruments_of(measurement.attributes)
        for instrument in instruments["duration"]:
            instrument.put(measurement.duration_s, failed, context)
        if measurement.usage is not None:
            for measured, token_type, count, modalities in _token_counts(measurement.usage):
                for instrument in instruments[measured]:
                    own = failed if names.ERROR_TYPE in instrument.labels else labels
                    instrument.put_tokens(token_type, count, modalities, own, context)
        if measurement.first_chunk_s is not None:
            for instrument in instruments["first_chunk"]:
                instrument.put(measurement.first_chunk_s, labels, context)
        for instrument in instruments["output_chunk"]:
            instrument.put_gaps(measurement.chunk_times, labels)

    def add_cost(self, cost_usd: float, attributes: Mapping[str, AttributeValue], context: Context) -> None:
        """Add what one call cost; the attributes are those of `record`."""
        for instrument in self._instruments_of(attributes)["cost"]:
            own = {label: attributes[label] for label in instrument.labels if label in attributes}
            instrument.put(cost_usd, self._limit.limit(own), context)

    def _instruments_of(self, attributes: Mapping[str, AttributeValue]) -> _Instruments:
        return self._of_inferences if attributes[names.OPERATION] in names.INFERENCES else self._of_others


class _Instrument:
    """One instrument of the SDK."""

    def __init__(self, meter: Meter, metric: names.Metric) -> None:
        about = (metric.name, metric.unit, metric.description)
        self.put: Callable[[float, _Labels, Context], None] = (
            meter.create_counter(*about).add
            if metric.kind == "counter"
            else meter.create_histogram(*about, explicit_bucket_boundaries_advisory=metric.buckets).record
        )
        self.labels = metric.labels

    def put_gaps(self, times: Sequence[float], labels: _Labels) -> None:
        """Record the time between each two."""
        put = self.put
        for index, (earlier, later) in enumerate(pairwise(times)):
            put(later - earlier, labels, _NO_SPAN)
            if index % _SLICE == 0:
                let_others_run()

    def put_tokens(
        self,
        token_type: str,
        count: float,
        modalities: Mapping[str, float | None],
        labels: _Labels,
        context: Context,
    ) -> None:
        """Record a count of tokens: by type or by modality, where the instrument tells these apart."""
        if names.TOKEN_TYPE in self.labels:
            self.put(count, {**labels, names.TOKEN_TYPE: token_type}, context)
        elif names.TOKEN_MODALITY not in self.labels:
            self.put(count, labels, context)
        else:
            rest = count
            for modality, part in modalities.items():
                if part:
                    rest -= part
                    self.put(part, {**labels, names.TOKEN_MODALITY: modality}, context)
            if rest > 0 or rest == count:
                self.put(rest, {**labels, names.TOKEN_MODALITY: "unknown"}, context)


_Instruments = Mapping[names.MeasurementName, list[_Instrument]]


def _instruments(
    meter: Meter, metric_names: MetricNames, made: dict[names.Metric, _Instrument], *, inference: bool
) -> _Instruments:
    """Return the instruments of each measurement, by the names chosen; `made` are those that are there already."""
    instruments: dict[names.MeasurementName, list[_Instrument]] = {}
    for measurement, measured in names.CLIENT_METRICS.items():
        metrics: list[names.Metric] = []
        if metric_names is not MetricNames.NEWEST:
            metrics += measured.deployed
        if metric_names is not MetricNames.DEPLOYED:
            metrics += measured.newest if inference else measured.newest_beside_inference
        for metric in metrics:
            if metric not in made:
                made[metric] = _Instrument(meter, metric)
        instruments[measurement] = [made[metric] for metric in dict.fromkeys(metrics)]
    return instruments


def _with_modalities(unit: Unit) -> dict[str, Unit]:
    return {part.modality: part for part in UNITS if part.modality is not None and unit in part.part_of}


_MEASURED: Final = tuple(
    (measurement, unit, _with_modalities(unit))
    for measurement in names.CLIENT_METRICS
    for unit in UNITS
    if unit.name == measurement
)
"""The measurements that are counts of a unit, the unit, and its parts by modality."""


def _token_counts(usage: Usage) -> Iterator[tuple[names.MeasurementName, str, float, Mapping[str, float | None]]]:
    """Yield what was reported: its measurement, its type, how many, and how many of which modality."""
    for measurement, unit, parts in _MEASURED:
        if (count := usage.counts.get(unit)) is not None:
            yield (
                measurement,
                str(unit.side),
                count,
                {name: usage.counts.get(part) for name, part in parts.items()},
            )

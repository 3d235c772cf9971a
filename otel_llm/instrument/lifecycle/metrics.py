"""The client metrics: the measurements of each call, recorded by the table of names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import sub
from typing import Final, NamedTuple

from opentelemetry.context import Context, create_key
from opentelemetry.metrics import Counter, Histogram, Meter
from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.config.instrument_values import ConventionNames
from otel_llm.instrument.contract.units import UNITS
from otel_llm.instrument.contract.usage import Unit, Usage
from otel_llm.instrument.lifecycle.series import Labels, Moment, Series
from otel_llm.names.label_limit import LabelLimit

# A context without a span, for the chunks after the first: exemplars of every chunk would cost a quarter more. The
# context is not empty, as the SDK replaces an empty context by the current one.
_NO_SPAN: Final = Context({create_key("otel_llm.no_span"): True})
# Values of each label. The SDK itself keeps 2,000 sets of attributes, and drops all attributes of further calls: a
# provider that makes up model names would use up the sets of all others.
_MAX_LABEL_VALUES: Final = 200
_KEPT_LIMIT: Final = 1_000  # sets of labels; names that a provider makes up must not fill the memory
_KEPT_CHARACTERS: Final = 1_000  # characters of the labels of one set, for the same reason


class Measurement(NamedTuple):
    """The values that one call adds to the metrics."""

    attributes: Mapping[str, AttributeValue]
    context: Context
    """Holds the call's span, so that the SDK can link its exemplars."""
    duration_s: float
    error_type: str | None
    usage: Usage | None
    first_chunk_s: float | None
    chunk_times: Sequence[float]
    """Seconds, by time.perf_counter(), at which a stream's chunks came."""


class Metrics:
    """Records measurements. Any thread may call. The series of at most `_KEPT_LIMIT` sets of labels are kept."""

    def __init__(self, meter: Meter, metric_names: ConventionNames = ConventionNames.DEPLOYED) -> None:
        made: dict[names.Metric, _Instrument] = {}
        self._of_inferences = _instruments(meter, metric_names, made, inference=True)
        self._of_others = _instruments(meter, metric_names, made, inference=False)
        self._limit = LabelLimit(_MAX_LABEL_VALUES)
        self._kept: dict[tuple[object, ...], _CallSeries] = {}

    def record(self, measurement: Measurement, counted: frozenset[str] = frozenset()) -> None:
        """Record one call, except in the metrics with the names `counted`."""
        moment = Moment(measurement.context)
        series = self._series_of(measurement.attributes, measurement.error_type, counted)
        series.put("duration", measurement.duration_s, moment)
        if measurement.usage is not None:
            for measured, token_type, count, modalities in _token_counts(measurement.usage):
                series.put_tokens(measured, token_type, count, modalities, moment)
        if measurement.first_chunk_s is not None:
            series.put("first_chunk", measurement.first_chunk_s, moment)
        times = measurement.chunk_times
        if len(times) > 1:
            series.put_all("output_chunk", list(map(sub, times[1:], times)), Moment(_NO_SPAN))

    def add_cost(self, cost_usd: float, attributes: Labels, context: Context) -> None:
        """Add the cost of one call; the attributes are the same as for `record`."""
        self._series_of(attributes, None).put("cost", cost_usd, Moment(context))

    def _series_of(
        self, attributes: Labels, error_type: str | None, counted: frozenset[str] = frozenset()
    ) -> _CallSeries:
        key = (error_type, counted, *attributes.items())
        series = self._kept.get(key)
        if series is None:
            series = self._new_series(attributes, error_type, counted)
            if (
                sum(len(text) for text in (error_type, *attributes.values()) if isinstance(text, str))
                <= _KEPT_CHARACTERS
            ):
                if len(self._kept) >= _KEPT_LIMIT:
                    self._kept.clear()
                self._kept[key] = series
        return series

    def _new_series(self, attributes: Labels, error_type: str | None, counted: frozenset[str]) -> _CallSeries:
        inference = attributes[names.OPERATION] in names.INFERENCES
        labels = self._limit.limit(attributes)
        if error_type:
            labels |= self._limit.limit({names.ERROR_TYPE: error_type})
        instruments = self._of_inferences if inference else self._of_others
        if counted:
            instruments = {
                measured: [each for each in found if each.name not in counted]
                for measured, found in instruments.items()
            }
        return _CallSeries(instruments, labels)


class _CallSeries:
    """The series of calls with the same labels. Each series is made for its first value."""

    def __init__(self, instruments: _Instruments, labels: Labels) -> None:
        self._instruments = instruments
        self._labels = labels
        self._made: dict[tuple[_Instrument, str], Series] = {}

    def put(self, measured: names.MeasurementName, value: float, moment: Moment) -> None:
        """Record a value with each instrument of the measurement."""
        for instrument in self._instruments[measured]:
            self._series(instrument).record(value, moment)

    def put_all(self, measured: names.MeasurementName, values: Sequence[float], moment: Moment) -> None:
        """Record many values with each instrument of the measurement."""
        for instrument in self._instruments[measured]:
            self._series(instrument).record_all(values, moment)

    def put_tokens(
        self,
        measured: names.MeasurementName,
        token_type: str,
        count: float,
        modalities: _Modalities,
        moment: Moment,
    ) -> None:
        """Record a count of tokens: by type or by modality, if an instrument has such a label."""
        for instrument in self._instruments[measured]:
            if names.TOKEN_TYPE in instrument.labels:
                self._series(instrument, names.TOKEN_TYPE, token_type).record(count, moment)
            elif names.TOKEN_MODALITY not in instrument.labels:
                self._series(instrument).record(count, moment)
            else:
                self._put_modalities(instrument, count, modalities, moment)

    def _put_modalities(
        self, instrument: _Instrument, count: float, modalities: _Modalities, moment: Moment
    ) -> None:
        rest = count
        for modality, part in modalities.items():
            if part:
                rest -= part
                self._series(instrument, names.TOKEN_MODALITY, modality).record(part, moment)
        if rest > 0 or rest == count:
            self._series(instrument, names.TOKEN_MODALITY, "unknown").record(rest, moment)

    def _series(self, instrument: _Instrument, label: str = "", value: str = "") -> Series:
        series = self._made.get((instrument, value))
        if series is None:
            labels = {name: self._labels[name] for name in instrument.labels if name in self._labels}
            if label:
                labels[label] = value
            series = self._made[instrument, value] = Series(instrument.made, instrument.put, labels)
        return series


class _Instrument:
    """One instrument of the SDK."""

    def __init__(self, meter: Meter, metric: names.Metric) -> None:
        about = (metric.name, metric.unit, metric.description)
        self.name = metric.name
        self.labels = metric.labels
        self.made: Counter | Histogram
        self.put: Callable[[float, Labels, Context], None]
        if metric.kind == "counter":
            self.made = meter.create_counter(*about)
            self.put = self.made.add
        else:
            self.made = meter.create_histogram(*about, explicit_bucket_boundaries_advisory=metric.buckets)
            self.put = self.made.record


_Instruments = Mapping[names.MeasurementName, list[_Instrument]]


def _instruments(
    meter: Meter, metric_names: ConventionNames, made: dict[names.Metric, _Instrument], *, inference: bool
) -> _Instruments:
    """Return the instruments of each measurement, by the chosen names; `made` holds the existing instruments."""
    instruments: dict[names.MeasurementName, list[_Instrument]] = {}
    for measurement, measured in names.CLIENT_METRICS.items():
        metrics: list[names.Metric] = []
        if metric_names is not ConventionNames.NEWEST:
            metrics += measured.deployed
        if metric_names is not ConventionNames.DEPLOYED:
            metrics += measured.newest if inference else measured.newest_beside_inference
        for metric in metrics:
            if metric not in made:
                made[metric] = _Instrument(meter, metric)
        instruments[measurement] = [made[metric] for metric in dict.fromkeys(metrics)]
    return instruments


_Modalities = Mapping[str, float | None]


def _with_modalities(unit: Unit) -> dict[str, Unit]:
    return {part.modality: part for part in UNITS if part.modality is not None and unit in part.part_of}


_MEASURED: Final = tuple(
    (measurement, unit, _with_modalities(unit))
    for measurement in names.CLIENT_METRICS
    for unit in UNITS
    if unit.name == measurement
)
"""Measurements that count a unit, with the unit and its parts by modality."""


def _token_counts(usage: Usage) -> Iterator[tuple[names.MeasurementName, str, float, _Modalities]]:
    """Yield each reported count of tokens: measurement, type, count, and the counts by modality."""
    for measurement, unit, parts in _MEASURED:
        if (count := usage.counts.get(unit)) is not None:
            yield (
                measurement,
                str(unit.side),
                count,
                {name: usage.counts.get(part) for name, part in parts.items()},
            )

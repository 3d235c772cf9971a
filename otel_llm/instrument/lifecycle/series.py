"""One series of a metric: an instrument of the SDK with one set of labels, looked up once for many values.

The public API cannot record many values at once: for each value it checks and hashes the labels, and searches the
aggregation that belongs to them. This takes ten times as long as adding the value. Here the search is done once,
and values go to the aggregation by the SDK's own method `aggregate`. If anything differs from the SDK versions
that were read, each value goes through the public API: see docs/decisions/0013.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from opentelemetry.context import Context, get_current
from opentelemetry.util.types import AttributeValue

from otel_llm.instrument.worker import let_others_run

Labels = Mapping[str, AttributeValue]
"""The labels of a series."""

_INTERNAL: Final = "opentelemetry.sdk.metrics._internal"
_INSTRUMENTS: Final = frozenset({f"{_INTERNAL}.instrument._Histogram", f"{_INTERNAL}.instrument._Counter"})
_CONSUMER: Final = f"{_INTERNAL}.measurement_consumer.SynchronousMeasurementConsumer"
_FILTERS: Final = f"{_INTERNAL}.exemplar.exemplar_filter"
_KNOWN_VERSIONS: Final = frozenset(
    {"1.43", "1.44", "1.45"}
)  # versions of opentelemetry-sdk whose internals were read
_SLICE: Final = 16  # values recorded by the public API, some 0.2 ms, before the interpreter lock is offered
_LONG_SLICE: Final = 256  # values handed to aggregations before the interpreter lock is offered


class Moment:
    """Time and context of the values of one call. Made, and given to series, by one thread.

    The SDK's aggregations take this object for the SDK's `Measurement`, which would check the labels again.
    """

    __slots__ = ("_filter", "_is_sampled", "attributes", "context", "time_unix_nano", "value")

    def __init__(self, context: Context) -> None:
        self.context = context or get_current()
        """Holds the call's span, so that the SDK can link its exemplars."""
        self.time_unix_nano = time.time_ns()
        self.value = 0.0
        self.attributes: Labels = {}
        self._filter: Any = None
        self._is_sampled = False

    def is_sampled(self, exemplars: Any) -> bool | None:
        """Return the decision of a filter of exemplars for all values here; None if it may depend on the value."""
        if exemplars is not self._filter:
            if type(exemplars).__module__ != _FILTERS:
                return None
            # the SDK's own filters look at the context alone
            self._is_sampled = exemplars.should_sample(0.0, self.time_unix_nano, self.attributes, self.context)
            self._filter = exemplars
        return self._is_sampled


class Series:
    """Adds values to one instrument under one set of labels.

    States: unresolved, resolved, unknown. Unresolved at first: the first value goes through the public API, which
    makes the SDK's aggregations, and these are looked up. Resolved if found, until the provider's readers change.
    Unknown if not found: all values go through the public API, without a further search. Any thread may call; a
    lock of the SDK guards each aggregation.
    """

    __slots__ = ("_consumer", "_instrument", "_labels", "_put", "_storages", "_targets")

    def __init__(self, instrument: Any, put: Callable[[float, Labels, Context], None], labels: Labels) -> None:
        self._instrument = instrument
        self._put = put
        """The instrument's public method that records a value."""
        self._labels = labels
        self._consumer: Any = instrument._measurement_consumer if _is_known(instrument) else None
        """The SDK's consumer of the measurements. None means that all values go through the public API."""
        self._targets: tuple[_Target, ...] = ()
        self._storages: Any = None
        """The readers' storages that `_targets` cover; the SDK replaces them when a reader comes or goes."""

    def record(self, value: float, moment: Moment) -> None:
        """Add one value."""
        if self._is_resolved() and 0 <= value < math.inf:
            self._add((value,), moment)
        else:
            self._put(value, self._labels, moment.context)
            self._resolve()

    def record_all(self, values: Sequence[float], moment: Moment) -> None:
        """Add many values."""
        rest = values
        if values and not self._is_resolved():
            self.record(values[0], moment)
            rest = values[1:]
        if self._is_resolved() and all(0 <= value < math.inf for value in rest):
            for start in range(0, len(rest), _LONG_SLICE):
                self._add(rest[start : start + _LONG_SLICE], moment)
                let_others_run()
        else:
            for index, value in enumerate(rest):
                self._put(value, self._labels, moment.context)
                if index % _SLICE == 0:
                    let_others_run()

    def _is_resolved(self) -> bool:
        return (
            self._storages is not None
            and self._consumer._reader_storages is self._storages
            and self._instrument._is_enabled()
        )

    def _resolve(self) -> None:
        if self._consumer is None:
            return
        storages = self._consumer._reader_storages
        try:
            self._targets = tuple(_targets(self._instrument, storages, self._labels))
        except (AttributeError, TypeError):  # the internals differ from the versions that were read
            self._consumer = self._storages = None
        else:
            self._storages = storages

    def _add(self, values: Sequence[float], moment: Moment) -> None:
        moment.attributes = self._labels
        exemplars = self._consumer._sdk_config.exemplar_filter
        sampled = moment.is_sampled(exemplars)
        if sampled is not None:
            for target in self._targets:
                target.add(values, moment, sampled)
            return
        for value in values:
            sampled = exemplars.should_sample(value, moment.time_unix_nano, self._labels, moment.context)
            for target in self._targets:
                target.add((value,), moment, sampled)


class _Target:
    """The target of a series' values for one reader and one view."""

    __slots__ = ("_aggregate", "_aggregations", "_match", "_resets")

    def __init__(self, match: Any, labels: Labels) -> None:
        self._match = match
        self._resets = bool(getattr(match, "_reset_on_collect", False))
        """True if each collection replaces all aggregations, as for a reader of deltas."""
        self._aggregations: Any = None
        """The aggregations in which `_aggregate` was found."""
        self._aggregate: Callable[[Any, bool], None] | None = None
        """Adds a value. None means beyond the SDK's limit of sets of labels: the SDK decides each time."""
        self._find(labels)

    def add(self, values: Sequence[float], moment: Moment, sampled: bool) -> None:
        """Add values, each in the way of `_ViewInstrumentMatch.consume_measurement`."""
        if not self._resets:
            _hand_over(self._aggregate or self._match.consume_measurement, values, moment, sampled)
            return
        with self._match._lock:  # the SDK's own lock, so that no collection comes in between
            if self._aggregate is not None and self._match._attributes_aggregation is self._aggregations:
                _hand_over(self._aggregate, values, moment, sampled)
                return
        _hand_over(self._match.consume_measurement, values, moment, sampled)
        self._find(moment.attributes)

    def _find(self, labels: Labels) -> None:
        kept = self._match._view._attribute_keys
        own = labels if kept is None else {label: value for label, value in labels.items() if label in kept}
        with self._match._lock:
            self._aggregations = self._match._attributes_aggregation
            newest_first = reversed(self._aggregations.values())
            found = next((each for each in newest_first if each._attributes == own), None)
        self._aggregate = None if found is None else found.aggregate


def _hand_over(
    aggregate: Callable[[Any, bool], None], values: Sequence[float], moment: Moment, sampled: bool
) -> None:
    for value in values:
        moment.value = value
        aggregate(moment, sampled)


def _targets(instrument: Any, storages: Mapping[Any, Any], labels: Labels) -> Iterator[_Target]:
    for storage in storages.values():
        if _name(storage) != f"{_INTERNAL}.metric_reader_storage.MetricReaderStorage":
            raise TypeError(f"the storage of a reader is a {_name(storage)}")
        for match in storage._get_or_init_view_instrument_match(instrument):
            yield _Target(match, labels)


def _is_known(instrument: Any) -> bool:
    """Return True if an instrument is the SDK's own, in a version whose internals were read."""
    if _name(instrument) not in _INSTRUMENTS:
        return False
    from opentelemetry.sdk.version import __version__  # noqa: PLC0415 - the instrument is the SDK's, so it is there

    consumer = getattr(instrument, "_measurement_consumer", None)
    return ".".join(__version__.split(".")[:2]) in _KNOWN_VERSIONS and _name(consumer) == _CONSUMER


def _name(thing: Any) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"

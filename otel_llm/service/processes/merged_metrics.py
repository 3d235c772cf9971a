"""The metrics of several processes as one page: each sample has a label with the number of its process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from otel_llm import names

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0"
"""Media type that the processes are asked for: the format that says most, such as exemplars and units."""


def read_page(process: int, page: str) -> list[Metric]:
    """Return the families of one process's page in OpenMetrics, with the process's number as a label.

    Raises:
        ValueError: the page is no OpenMetrics.
    """
    families: list[Metric] = list(text_string_to_metric_families(page))  # type: ignore[no-untyped-call]
    for family in families:
        family.samples = [
            sample._replace(labels={**sample.labels, names.LABEL_PROCESS: str(process)})
            for sample in family.samples
        ]
    return families


def merge(pages: Iterable[Iterable[Metric]]) -> list[Metric]:
    """Return one family for each name, with the samples of all pages.

    A family whose type differs from an earlier page's is left out: a page can have one type only. Types differ
    while processes of two versions run, after an upgrade.
    """
    merged: dict[str, Metric] = {}
    for page in pages:
        for family in page:
            known = merged.get(family.name)
            if known is None:
                merged[family.name] = family
            elif known.type == family.type:
                known.samples.extend(family.samples)
    return list(merged.values())


def about_processes(up: Mapping[int, bool], restarts: Mapping[int, int]) -> list[Metric]:
    """Return the metrics about the processes themselves, by their numbers."""
    labels = [names.LABEL_PROCESS]
    up_family = GaugeMetricFamily(names.PROCESS_UP.prometheus_name, names.PROCESS_UP.description, labels=labels)
    for process, is_up in up.items():
        up_family.add_metric([str(process)], int(is_up))
    restarts_family = CounterMetricFamily(
        names.PROCESS_RESTARTS.prometheus_name, names.PROCESS_RESTARTS.description, labels=labels
    )
    for process, number in restarts.items():
        restarts_family.add_metric([str(process)], number)
    return [up_family, restarts_family]


def expose(families: Sequence[Metric], accept: str) -> tuple[bytes, str]:
    """Return the exposition and its content type, in the format that an Accept header asks for."""
    encode, content_type = choose_encoder(accept)
    return encode(_Collected(families)), content_type


class _Collected:
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families

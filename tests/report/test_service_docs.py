from pathlib import Path

from test_service_metrics import EMITTED

from otel_llm.names import Metric, prometheus_label

DOCS = Path(__file__).parents[2] / "docs" / "service.md"


def row(metric: Metric) -> str:
    labels = ", ".join(f"`{prometheus_label(label)}`" for label in metric.labels)
    return f"| `{metric.prometheus_name}` | {metric.kind} | {labels} | {metric.description} |"


def test_the_documented_metrics_are_the_emitted_ones() -> None:
    after_head = DOCS.read_text().partition("| metric | kind | labels | what |\n|---|---|---|---|\n")[2]
    documented = after_head.partition("\n\n")[0].splitlines()
    assert documented == [row(metric) for metric in EMITTED]

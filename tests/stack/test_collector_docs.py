"""What docs/collector.md tells to paste, against the real Collector."""

import re
import subprocess
from pathlib import Path

import yaml
from support.servers import need

from otel_llm import names
from otel_llm.assets import asset
from otel_llm.demo import servers
from otel_llm.demo.servers import start_collector
from otel_llm.genai.dialects import DIALECTS

DOCS = Path(__file__).parents[2] / "docs" / "collector.md"
PASTED, SCRAPED, ON_DISK = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
EXISTING = """
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:4317"}}}}
exporters: {otlp_http/backend: {endpoint: "http://127.0.0.1:24418"}}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_http/backend]}
    logs: {receivers: [otlp], exporters: [otlp_http/backend]}
"""


def validate(folder: Path, *configurations: str) -> subprocess.CompletedProcess[str]:
    need(servers.COLLECTOR)
    command = [servers.COLLECTOR.require(), "validate"]
    for number, text in enumerate(configurations):
        (folder / f"{number}.yaml").write_text(text)
        command += ["--config", folder / f"{number}.yaml"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_lines_to_paste_are_valid_beside_a_configuration_that_exists(tmp_path: Path) -> None:
    done = validate(tmp_path, EXISTING, PASTED)
    assert done.returncode == 0, done.stderr


def test_a_configuration_with_a_mistake_is_not_valid(tmp_path: Path) -> None:
    done = validate(tmp_path, EXISTING, PASTED.replace("otlp_grpc/evaluation:", "otlp_grpc/evaluatoin:"))
    assert done.returncode != 0
    assert "otlp_grpc/evaluation" in done.stderr


def test_the_lines_to_paste_are_the_taps_own() -> None:
    pasted, tap = yaml.safe_load(PASTED), yaml.safe_load(asset("collector", "tap.yaml").read_text())
    for name in ("filter/genai_only", "batch/evaluation", "transform/service_name"):
        assert pasted["processors"][name] == tap["processors"][name]
    here, there = (config["exporters"]["otlp_grpc/evaluation"] for config in (pasted, tap))
    assert {**here, "endpoint": None} == {**there, "endpoint": None}


def test_the_filters_let_through_every_span_that_the_service_reads() -> None:
    def named(file: str, processor: str, form: str, word: str) -> set[str]:
        [line] = yaml.safe_load(asset("collector", file).read_text())["processors"][processor]["traces"]["span"]
        found = [re.fullmatch(rf'attributes\["([^"]+)"\] {form} nil', part) for part in line.split(f" {word} ")]
        return {each[1] for each in found if each} if all(found) else set()

    taken = named("tap.yaml", "filter/genai_only", "==", "and")
    assert {sign for dialect in DIALECTS for sign in dialect.signs} <= taken
    assert {names.INPUT_MESSAGES, names.OUTPUT_MESSAGES} <= taken
    assert named("inline.yaml", "filter/others_only", "!=", "or") == taken


def test_the_queue_on_disk_is_used(tmp_path: Path) -> None:
    need(servers.COLLECTOR)
    queue = tmp_path / "queue"
    overlay = tmp_path / "overlay.yaml"
    on_disk = ON_DISK.replace("/var/lib/otelcol/evaluation", str(queue))
    overlay.write_text(on_disk.replace("extensions: [", "extensions: [health_check, "))
    with start_collector(tmp_path, evaluation="127.0.0.1:1", overlays=[str(overlay)]):
        assert list(queue.iterdir())


def test_what_prometheus_is_told_to_scrape_is_where_the_tap_and_the_service_are() -> None:
    targets = [job["static_configs"][0]["targets"] for job in yaml.safe_load(SCRAPED)["scrape_configs"]]
    text = DOCS.read_text() + asset("collector", "tap.yaml").read_text()
    assert targets == [["localhost:8889"], ["localhost:9464"]]
    assert "${env:TAP_METRICS:-127.0.0.1:8889}" in text
    assert "--telemetry-port 9464" in text

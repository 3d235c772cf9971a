"""One line of the log for providers of OpenTelemetry that are missing, or come too late.

Each program is one of its own: a process has one TracerProvider for ever.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OTEL_LLM = Path(sys.executable).with_name("otel-llm")
CALL = """
from in_process import COMPLETION, client_for
import otel_llm, logging
logging.basicConfig(level="WARNING", format="%(name)s %(message)s")
{set_up}
otel_llm.instrument({options})
{later}
for _ in range(2):
    client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=[])
from otel_llm.instrument.setup import flush
assert flush(10)
"""
TRACES = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
"""
METRICS = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
metrics.set_meter_provider(MeterProvider())
"""
NO_METRICS = """
from opentelemetry import metrics
metrics.set_meter_provider(metrics.NoOpMeterProvider())
"""
INHERITED = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
NO_EXPORT = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}


def lines(set_up="", later="", options="", launcher=()):
    """Return what the program logged on stderr."""
    code = CALL.format(set_up=set_up, later=later, options=options)
    done = subprocess.run(
        [*launcher, sys.executable, "-c", code],
        env={**INHERITED, **NO_EXPORT, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("set_up", "said"), [(TRACES, "metrics and cost go nowhere"), (METRICS, "spans go nowhere")]
)
def test_a_provider_without_the_other_is_said_once(set_up, said):
    found = lines(set_up, options="sdk=False")
    assert [said in line for line in found] == [True]
    assert "set one with opentelemetry." in found[0]


@pytest.mark.parametrize("set_up", [TRACES + METRICS, TRACES + NO_METRICS, ""])
def test_both_providers_or_none_of_them_need_no_line(set_up):
    assert lines(set_up, options="sdk=False") == []


def test_a_meter_provider_that_comes_before_the_first_call_needs_no_line():
    assert lines(TRACES, later=METRICS) == []


def test_an_app_that_sets_providers_after_us_is_told_the_order():
    found = [line for line in lines(later=TRACES + METRICS) if "Overriding" in line]
    assert len(found) == 2
    assert "otel_llm.instrument() has set up OpenTelemetry before: call it after" in found[0]
    assert "otel_llm" not in found[1]


def test_a_program_that_sets_providers_under_run_is_told_what_to_leave_out():
    found = [line for line in lines(TRACES, launcher=[OTEL_LLM, "run", "--"]) if "Overriding" in line]
    assert len(found) == 1
    assert "otel-llm run and opentelemetry-instrument set up OpenTelemetry before the program starts" in found[0]


def test_an_app_that_sets_its_provider_twice_is_told_nothing_of_us():
    found = [line for line in lines(TRACES * 2 + METRICS) if "Overriding" in line]
    assert len(found) == 1
    assert "otel_llm" not in found[0]


def disabled(*options, environment=None):
    """Return the instrumentations that `otel-llm run` leaves out."""
    code = "import os; print(os.environ.get('OTEL_PYTHON_DISABLED_INSTRUMENTATIONS', ''))"
    done = subprocess.run(
        [OTEL_LLM, "run", *options, "--", sys.executable, "-c", code],
        env={**INHERITED, **NO_EXPORT, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return set(done.stdout.strip().split(",")) - {""}


def test_run_switches_on_what_else_is_installed_unless_only_is_given(tmp_path):
    metadata = tmp_path / "other-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[opentelemetry_instrumentor]\nother = other:Instrumentor\n")
    environment = {"PYTHONPATH": str(tmp_path), "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "otel_llm_openai"}
    assert disabled(environment=environment) == {"otel_llm_openai"}
    only = disabled("--only", environment=environment)
    assert {"other", "otel_llm_openai"} <= only
    assert "otel_llm" not in only

"""Whole processes: the three ways in, what they cost to import, and how they end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from otlp_sink import otlp_sink, plain

from otel_llm import names

BIN = Path(sys.executable).parent
PRICES = Path(__file__).parents[1] / "prices.toml"
APP = """
import openai

answer = openai.OpenAI(max_retries=0).chat.completions.create(
    model="scripted", messages=[{"role": "user", "content": "count"}]
)
print(answer.choices[0].message.content)
"""
HEAVY = {
    "numpy", "onnxruntime", "starlette", "grpc", "yaml", "rich", "pydantic", "genai_prices", "openai", "requests",
    "click", "opentelemetry.sdk",
}  # fmt: skip
NOBODY = "http://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture
def environment(base_url):
    """A user's environment: where the model is, and nothing of OpenTelemetry."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    return {**clean, "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": base_url}


def run(*command, environment, timeout_s=60):
    return subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
    )


def only_span(sink):
    ((resource, span),) = sink.spans
    return resource, span


def test_run_instruments_a_program_and_leaves_its_output_and_status(environment, tmp_path):
    app = tmp_path / "app.py"
    app.write_text(APP + "import sys; sys.exit(7)\n")
    with otlp_sink() as sink:
        done = run(
            BIN / "otel-llm", "run", "--endpoint", sink.endpoint, "--service-name", "shop", "--capture-content",
            "--", sys.executable, app, environment={**environment, "OTEL_LLM_PRICES": str(PRICES)},
        )  # fmt: skip

        assert (done.returncode, done.stdout, done.stderr) == (7, "one two three\n", "")
        resource, span = only_span(sink)
        assert resource["service.name"] == "shop"
        attributes = plain(span.attributes)
        assert attributes[names.USAGE_COST] == pytest.approx(26e-6)
        assert json.loads(attributes[names.OUTPUT_MESSAGES])[0]["parts"][0]["content"] == "one two three"
        assert {metric.name for _, metric in sink.metrics} >= {
            names.OPERATION_DURATION.name, names.TOKEN_USAGE.name, names.COST.name,
        }  # fmt: skip


def test_opentelemetry_instrument_finds_us(environment, tmp_path):
    app = tmp_path / "app.py"
    app.write_text(APP)
    with otlp_sink() as sink:
        done = run(
            BIN / "opentelemetry-instrument", sys.executable, app,
            environment={**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint, "OTEL_SERVICE_NAME": "shop"},
        )  # fmt: skip

        assert (done.returncode, done.stdout, done.stderr) == (0, "one two three\n", "")
        assert only_span(sink)[1].name == "chat scripted"


def test_one_line_of_code_instruments_a_client_that_is_imported_later(environment):
    code = "import otel_llm, sys; otel_llm.instrument(); assert 'openai' not in sys.modules\n" + APP
    with otlp_sink() as sink:
        done = run(
            sys.executable, "-c", code, environment={**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint}
        )

        assert (done.returncode, done.stdout, done.stderr) == (0, "one two three\n", "")
        assert only_span(sink)[1].name == "chat scripted"


def test_a_stream_still_open_when_the_process_exits_is_not_lost(environment):
    code = (
        "import otel_llm, openai; otel_llm.instrument()\n"
        "stream = openai.OpenAI().chat.completions.create(\n"
        "    model='scripted', messages=[{'role': 'user', 'content': 'long'}], stream=True)\n"
        "next(stream)"
    )
    with otlp_sink() as sink:
        done = run(
            sys.executable, "-c", code, environment={**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint}
        )

        assert (done.returncode, done.stderr) == (0, "")
        assert plain(only_span(sink)[1].attributes)[names.RESPONSE_MODEL] == "scripted"


def test_a_forked_child_records_its_own_calls(environment):
    code = (
        "import otel_llm, openai, os\n"
        "otel_llm.instrument()\n" + APP + "if os.fork() == 0:\n"
        "    messages = [{'role': 'user', 'content': 'x'}]\n"
        "    openai.OpenAI().chat.completions.create(model='scripted', messages=messages)\n"
        "    from otel_llm.instrument.setup import flush\n"
        "    assert flush(10)\n"
        "    raise SystemExit\n"
        "os.wait()"
    )
    with otlp_sink() as sink:
        done = run(
            sys.executable, "-W", "ignore", "-c", code,
            environment={**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint},
        )  # fmt: skip

        assert (done.returncode, done.stderr) == (0, "")
        assert len(sink.spans) == 2


def test_a_forked_child_leaves_the_open_streams_to_its_parent(environment):
    code = (
        "import atexit, os, otel_llm, openai\n"
        "count = []; atexit.register(lambda: print('exit handlers of ours:', len(count), flush=True))\n"
        "otel_llm.instrument()\n"
        "from otel_llm.instrument import setup\n"
        "client = openai.OpenAI()\n"
        "ask = lambda text, **options: client.chat.completions.create(\n"
        "    model='scripted', messages=[{'role': 'user', 'content': text}], **options)\n"
        "stream = ask('long', stream=True)\n"
        "next(stream)\n"
        "delivery = setup._process_end._delivery\n"
        "finish = delivery.finish_calls\n"
        "delivery.finish_calls = lambda timeout_s: (count.append(1), finish(timeout_s))\n"
        "if os.fork() == 0:\n"
        "    client = openai.OpenAI(); ask('x')\n"
        "    raise SystemExit\n"
        "os.wait()"
    )
    with otlp_sink() as sink:
        done = run(
            sys.executable, "-W", "ignore", "-c", code,
            environment={**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint},
        )  # fmt: skip

        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "exit handlers of ours: 1\n" * 2
        assert len({span.span_id for _, span in sink.spans}) == len(sink.spans) == 2


def test_an_endpoint_that_is_down_costs_one_line_and_the_program_ends(environment, tmp_path):
    app = tmp_path / "app.py"
    app.write_text(APP)
    done = run(BIN / "otel-llm", "run", "--endpoint", NOBODY, "--", sys.executable, app, environment=environment)

    assert (done.returncode, done.stdout) == (0, "one two three\n")
    assert done.stderr == (
        f"otel-llm: telemetry was not delivered to {NOBODY}: Connection refused: does a Collector listen there? "
        "OTEL_EXPORTER_OTLP_ENDPOINT says where telemetry goes (said once; the app is not affected)\n"
    )


@pytest.mark.parametrize("variable", ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"])
def test_an_exporter_without_a_protocol_is_otlp_over_http(environment, variable, tmp_path):
    app = tmp_path / "app.py"
    app.write_text(
        f"import os, otel_llm\notel_llm.instrument()\n{APP}\nprint(os.getenv('OTEL_EXPORTER_OTLP_PROTOCOL'))"
    )
    with otlp_sink() as sink:
        done = run(
            sys.executable,
            app,
            environment={**environment, variable: "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint},
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "one two three\nNone\n", "")
        only_span(sink)
        assert sink.metrics


def test_grpc_without_its_exporter_names_the_remedies(environment):
    variables = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    # as if the exporter, which is here for the service's tests, were not installed
    absent = (
        "import sys\nsys.modules['opentelemetry.exporter.otlp.proto.grpc'] = None\n"
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name.endswith('proto.grpc') else find(name, *rest)\n"
    )
    code = f"{absent}import otel_llm\notel_llm.instrument()"
    done = run(sys.executable, "-c", code, environment=environment | variables)
    assert done.returncode == 0
    remedies = (
        "OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and its exporter is not installed: set it to http/protobuf, with "
        "the endpoint of OTLP over HTTP (port 4318), or pip install opentelemetry-exporter-otlp-proto-grpc\n"
    )
    assert done.stderr.endswith(f"the app is not affected: ConfigError: {remedies}")
    assert done.stderr.count("\n") == 1
    code = (
        f"{absent}import sys; sys.argv = ['otel-llm', 'run', '--', 'true']\nfrom otel_llm.cli import main\nmain()"
    )
    done = run(sys.executable, "-c", code, environment=environment | variables)
    assert (done.returncode, done.stderr) == (1, f"otel-llm: {remedies}")


def test_signals_reach_the_program(environment):
    code = "import time; print('up', flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [BIN / "otel-llm", "run", "--endpoint", NOBODY, "--", sys.executable, "-c", code],
        env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)

    assert process.wait(30) == -signal.SIGTERM
    process.stdout.close()


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "yes", "must be one of NO_CONTENT"),
        ("OTEL_LLM_PRICES", "/no/such/file", "must be a file, got '/no/such/file', which is not there"),
        ("OTEL_LLM_PROVIDERS", "vllm", "must be host=provider entries"),
        ("OTEL_LLM_CONTENT_LIMIT", "-1", "must be a whole number, 0 or more, got '-1'"),
        ("OTEL_LLM_EXIT_TIMEOUT_S", "soon", "must be a number of seconds, 0 or more, got 'soon'"),
    ],
)
def test_run_refuses_a_wrong_setting_before_it_starts_anything(environment, variable, value, problem):
    done = run(
        BIN / "otel-llm",
        "run",
        "--",
        sys.executable,
        "-c",
        "print('ran')",
        environment={**environment, variable: value},
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"otel-llm: {variable} {problem}")


def test_run_says_when_there_is_no_such_program(environment):
    done = run(BIN / "otel-llm", "run", "--", "no-such-program", environment=environment)

    assert done.returncode == 1
    assert done.stderr == (
        f"otel-llm: otel-llm run: no-such-program must be a program in {BIN} or on PATH, such as python: "
        "it is in neither\n"
    )


def test_importing_us_loads_nothing_heavy(environment):
    code = (
        "import sys, otel_llm\n"
        "assert not [name for name in sys.modules if name.startswith(('otel_llm.', 'opentelemetry'))]\n"
        "otel_llm.instrument(sdk=False)\n"
        f"print(sorted({HEAVY} & set(sys.modules)))"
    )
    done = run(sys.executable, "-c", code, environment=environment)

    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")

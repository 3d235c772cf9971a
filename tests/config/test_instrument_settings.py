"""Settings of the instrumentation: read from the environment and from code, checked by name."""

import pytest

from otel_llm.config.instrument import InstrumentSettings, override_settings, read_settings
from otel_llm.config.instrument_values import ContentCapture
from otel_llm.config.sdk_environment import default_exporters, run_environment
from otel_llm.errors import ConfigError

CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


def test_an_empty_environment_gives_the_defaults():
    assert read_settings({}) == (InstrumentSettings(), [])
    assert read_settings({CONTENT: "  "}) == (InstrumentSettings(), [])


def test_every_setting_has_a_variable(tmp_path):
    prices = tmp_path / "prices.toml"
    prices.touch()
    settings, problems = read_settings(
        {
            CONTENT: "Span_And_Event",
            "OTEL_LLM_CONTENT_LIMIT": "100",
            "OTEL_LLM_PRICES": str(prices),
            "OTEL_LLM_PROVIDERS": "A.example=one, b.example:80=two,",
            "OTEL_LLM_DEBUG_RAISE": "true",
        }
    )

    assert problems == []
    assert settings == InstrumentSettings(
        capture_content=ContentCapture.SPAN_AND_EVENT,
        content_limit=100,
        prices=prices,
        providers={"a.example": "one", "b.example:80": "two"},
        debug_raise=True,
    )


def test_wrong_variables_are_all_named_and_keep_their_defaults():
    settings, problems = read_settings(
        {CONTENT: "all", "OTEL_LLM_CONTENT_LIMIT": "x", "OTEL_LLM_DEBUG_RAISE": "2"}
    )

    assert settings == InstrumentSettings()
    assert [str(problem).partition(" must")[0] for problem in problems] == [
        CONTENT, "OTEL_LLM_CONTENT_LIMIT", "OTEL_LLM_DEBUG_RAISE",
    ]  # fmt: skip


def test_code_comes_before_the_environment():
    settings, _ = read_settings({CONTENT: "SPAN_ONLY"}, capture_content=False, providers={"A": "b"})

    assert settings.capture_content is ContentCapture.NO_CONTENT
    assert settings.providers == {"a": "b"}
    assert read_settings({CONTENT: "SPAN_ONLY"}, capture_content=None)[0].capture_content.on_span


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("true", ContentCapture.SPAN_ONLY),
        ("True", ContentCapture.SPAN_ONLY),
        ("false", ContentCapture.NO_CONTENT),
        (" FALSE ", ContentCapture.NO_CONTENT),
    ],
)
def test_content_is_switched_by_the_older_values_too(text, mode):
    assert read_settings({CONTENT: text}) == (InstrumentSettings(capture_content=mode), [])


def test_overriding_changes_only_what_is_given():
    settings = InstrumentSettings(capture_content=ContentCapture.EVENT_ONLY, content_limit=9)

    assert override_settings(settings, capture_content=None, content_limit=10) == InstrumentSettings(
        capture_content=ContentCapture.EVENT_ONLY, content_limit=10
    )


def test_an_unknown_setting_is_refused():
    with pytest.raises(ConfigError, match="no setting colour; it has capture_content"):
        read_settings({}, colour="red")


@pytest.mark.parametrize("mode", list(ContentCapture))
def test_a_mode_is_on_where_its_name_says(mode):
    assert mode.on_span == ("SPAN" in mode.value)
    assert mode.on_event == ("EVENT" in mode.value)


def test_signals_without_an_exporter_get_otlp():
    http = ["otlp_proto_http"]
    assert default_exporters({}) == {
        "trace_exporter_names": http, "metric_exporter_names": http, "log_exporter_names": http,
    }  # fmt: skip
    assert default_exporters({"OTEL_TRACES_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "console"}) == {
        "metric_exporter_names": http
    }
    assert default_exporters({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})["log_exporter_names"] == ["otlp_proto_grpc"]
    assert default_exporters({"OTEL_CONFIG_FILE": "otel.yaml"}) == {}
    with pytest.raises(
        ConfigError, match="OTEL_EXPORTER_OTLP_LOGS_PROTOCOL must be http/protobuf or grpc, got 'http'"
    ):
        default_exporters({"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http"})


def test_run_keeps_what_the_user_set():
    environment = {"OTEL_TRACES_EXPORTER": "console", "OTEL_SERVICE_NAME": "mine", "PATH": "/bin"}

    ours = run_environment(environment, endpoint="http://collector:4318")
    assert ours == {
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
        "OTEL_SERVICE_NAME": "mine",
        "PATH": "/bin",
    }
    chosen = run_environment(environment, service_name="shop", capture_content=True)
    assert chosen["OTEL_SERVICE_NAME"] == "shop"
    assert chosen[CONTENT] == "SPAN_ONLY"
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in chosen


def test_a_file_of_prices_must_be_there():
    _, (problem,) = read_settings({"OTEL_LLM_PRICES": "/no/such/file"})

    assert "OTEL_LLM_PRICES must be a file, got '/no/such/file'" in str(problem)


def test_content_is_withheld_while_nobody_knows_what_to_take_out_of_it():
    environment = {"OTEL_LLM_REDACT": "emails", "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK": "mine"}
    settings, (problem,) = read_settings(environment, capture_content="SPAN_AND_EVENT")

    for each in (settings, override_settings(settings, capture_content=True)):
        assert (each.capture_content, each.completion_hook) == (ContentCapture.NO_CONTENT, None)
    assert str(problem).startswith("OTEL_LLM_REDACT must be of key, iban,")
    assert str(problem).endswith("got 'emails'; content is not recorded until it is mended")
    mended = override_settings(settings, capture_content=True, redact="email")
    assert (mended.capture_content, mended.redact) == (ContentCapture.SPAN_ONLY, ("email",))
    assert read_settings(environment, capture_content=True, redact="email")[0] == InstrumentSettings(
        capture_content=ContentCapture.SPAN_ONLY, redact=("email",), completion_hook="mine"
    )


@pytest.mark.parametrize("given", [{"redact": True}, {"redact": 3}, {"capture_content": 1}])
def test_values_of_the_wrong_type_are_named(given):
    ((name, value),) = given.items()
    with pytest.raises(ConfigError, match=f"{name} must be .*got {value!r}"):
        read_settings({}, **given)

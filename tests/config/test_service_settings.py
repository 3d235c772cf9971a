from pathlib import Path

import pytest
import yaml

from otel_llm.assets import asset
from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.config.service import ServiceSettings, load_settings
from otel_llm.errors import ConfigError


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "service.yaml"
        path.write_text(text)
        return path

    return write


def test_the_shipped_file_holds_every_key_with_its_default() -> None:
    path = asset("collector", "service.yaml")
    assert load_settings(path, {}) == ServiceSettings()
    assert yaml.safe_load(path.read_text()) == ServiceSettings().model_dump(mode="json")


def test_without_a_file_the_defaults_hold() -> None:
    assert load_settings(None, {"host": None}) == ServiceSettings()


def test_options_override_the_file(write) -> None:
    path = write("http_port: 1\ngrpc_port: 2\nevents: {timeout_s: 3}\n")
    settings = load_settings(path, {"http_port": 4, "grpc_port": None, "events.endpoint": "http://localhost:1"})
    assert (settings.http_port, settings.grpc_port) == (4, 2)
    assert (settings.events.timeout_s, settings.events.endpoint) == (3, "http://localhost:1")


def test_a_section_whose_keys_are_all_commented_out_is_its_default(write) -> None:
    assert load_settings(write("events:\n  # endpoint: x\nqueue:\n"), {}) == ServiceSettings()


def test_so_is_a_section_within_a_section(write) -> None:
    settings = load_settings(write("evaluate:\n  threads: 2\n  drift:\n    # window: 5\n"), {})
    assert settings == ServiceSettings(evaluate=EvaluateSettings(threads=2))


def test_an_option_sets_a_key_of_a_section_that_is_null(write) -> None:
    settings = load_settings(write("events:\n"), {"events.endpoint": "http://localhost:1"})
    assert settings.events.endpoint == "http://localhost:1"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("grpc_prot: 4317", "grpc_prot is not a setting: did you mean grpc_port?"),
        (
            "queue: {zzz: 1}",
            "queue.zzz is not a setting: known here: folder, max_bytes, fsync, max_batch,",
        ),
        (
            "evaluate: {drift: {windows: 5}}",
            "evaluate.drift.windows is not a setting: did you mean",
        ),
        (
            "receive: {grpc_port: 1}",
            "receive.grpc_port is not a setting: did you mean grpc_port at the top level?",
        ),
        ("explanations: false", "explanations is not a setting: did you mean explanations in events?"),
        ("headers: {}", "headers is not a setting: did you mean headers in events or in forward?"),
        ("grpc_prot:", "grpc_prot is not a setting: did you mean grpc_port?"),
        ("http_port:", "http_port: input should be a valid integer, got None"),
        ("http_port: 70000", "http_port: input should be less than or equal to 65535, got 70000"),
        ("queue: 5", "queue: must be a section, with keys such as folder, max_bytes, fsync"),
        (
            "events: {endpoint: 'localhost:4318'}",
            "events.endpoint: must be a URL such as http://localhost:4318 or grpc://localhost:4317, got",
        ),
        (
            "queue: {max_bytes: 1048576}",
            "queue.max_bytes must be twice receive.max_request_bytes, 33554432, or more",
        ),
        ("- a\n- b", "must hold a mapping of settings, got list"),
        ("a: [", "is not YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_remedy(write, text: str, problem: str) -> None:
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {"events.timeout_s": None})
    assert str(caught.value).startswith(str(path))
    assert problem in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_every_problem_of_a_file_is_named_at_once(write) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write("hots: a\nhttp_port: b\n"), {})
    assert "hots is not a setting" in str(caught.value)
    assert "http_port: input should be a valid integer" in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.yaml cannot be read: .*No such file"):
        load_settings(tmp_path / "missing.yaml", {})


def test_an_option_with_a_wrong_value_is_named() -> None:
    with pytest.raises(ConfigError, match=r"options: events\.endpoint: must be a URL"):
        load_settings(None, {"events.endpoint": "nowhere"})


def test_the_environment_overrides_the_file_and_options_override_both(write) -> None:
    environment = {
        "OTEL_LLM_COLLECTOR_GRPC_PORT": "3",
        "OTEL_LLM_COLLECTOR_HTTP_PORT": "3",
        "OTEL_LLM_COLLECTOR_QUEUE__FOLDER": "/var/lib/queue",
        "OTEL_LLM_COLLECTOR_EVALUATE__EVALUATORS": "[pii, secrets]",
        "OTEL_LLM_COLLECTOR_EVALUATE__DRIFT__ENABLED": "false",
        "OTEL_LLM_COLLECTOR_HOST": "",
        "OTEL_LLM_LOG": "x",
    }
    settings = load_settings(write("grpc_port: 1\n"), {"http_port": 4}, environment)
    assert (settings.grpc_port, settings.http_port, settings.host) == (3, 4, "127.0.0.1")
    assert settings.queue.folder == Path("/var/lib/queue")
    assert settings.evaluate.evaluators == ("pii", "secrets")
    assert not settings.evaluate.drift.enabled


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        (
            "QUEUE__FOLDERS",
            "/q",
            "queue.folders ({}QUEUE__FOLDERS) is not a setting: did you mean {}QUEUE__FOLDER?",
        ),
        ("GRPC_PORT", "many", "grpc_port (OTEL_LLM_COLLECTOR_GRPC_PORT): input should be a valid integer"),
        (
            "QUEUE_FOLDER",
            "/q",
            "(OTEL_LLM_COLLECTOR_QUEUE_FOLDER) is not a setting: did you mean {}QUEUE__FOLDER?",
        ),
        (
            "QUEU__FOLDER",
            "/q",
            "(OTEL_LLM_COLLECTOR_QUEU__FOLDER) is not a setting: did you mean {}QUEUE__FOLDER?",
        ),
        ("EVALUATE_DRIFT_WINDOWS", "5", "did you mean {}EVALUATE__DRIFT__WINDOW?"),
        ("HOST_NAME", "a", "did you mean {}HOST?"),
        ("PORT", "4317", "port (OTEL_LLM_COLLECTOR_PORT) is not a setting"),
        (
            "SELECTION__RULES",
            "[{servce: x}]",
            "rules.0.servce ({}SELECTION__RULES) is not a setting: did you mean service?",
        ),
        ("EVALUATE__EVALUATORS", "pii,secrets", "must be a list such as [pii, secrets], got 'pii,secrets'"),
        ("EVALUATE__EVALUATORS", "{a: 1}", "must be a list such as [a, b], got a dict"),
        ("SELECTION__RULES", "a", "must be a list of sections, got 'a'"),
        ("QUEUE", "foo", "queue ({}QUEUE): must be a section, with keys such as folder, max_bytes,"),
        ("HOST", "[", "OTEL_LLM_COLLECTOR_HOST must be a value in YAML: expected"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {}, {f"OTEL_LLM_COLLECTOR_{name}": value})
    assert f"OTEL_LLM_COLLECTOR_{name}" in str(caught.value)
    assert problem.replace("{}", "OTEL_LLM_COLLECTOR_") in str(caught.value)


def test_a_variable_is_not_named_for_what_the_file_or_an_option_says(write) -> None:
    environment = {"OTEL_LLM_COLLECTOR_QUEUE__FOLDER": "/q", "OTEL_LLM_COLLECTOR_HTTP_PORT": "1"}
    with pytest.raises(ConfigError) as caught:
        load_settings(write("queue: foo\n"), {"http_port": "many"}, environment)
    assert "queue: must be a section" in str(caught.value)
    assert "http_port: input should be a valid integer" in str(caught.value)


def test_what_kubernetes_tells_of_a_service_of_that_name_is_no_setting() -> None:
    told = {
        "SERVICE_HOST": "10.0.0.1",
        "SERVICE_PORT": "4317",
        "SERVICE_PORT_OTLP_GRPC": "4317",
        "PORT": "tcp://10.0.0.1:4317",
        "PORT_4317_TCP": "tcp://10.0.0.1:4317",
        "PORT_4317_TCP_ADDR": "10.0.0.1",
        "PORT_4317_TCP_PORT": "4317",
        "PORT_4317_TCP_PROTO": "tcp",
        "PORT_53_UDP": "udp://10.0.0.1:53",
    }
    environment = {f"OTEL_LLM_COLLECTOR_{name}": value for name, value in told.items()}
    assert load_settings(None, {}, environment) == ServiceSettings()


def test_a_key_of_a_rule_that_is_not_known_is_named_with_those_that_are(write) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write("selection: {rules: [{servce: x}]}\n"), {})
    assert str(caught.value).endswith(
        "selection.rules.0.servce is not a setting: did you mean service?"
        " known here: service, operation, model, provider, evaluators, sampling"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("events: {headers: {bad header: x}}", "events.headers: must have names such as Authorization"),
        ("receive: {tls: {cert_file: a}}", "receive.tls: must have both cert_file and key_file, or neither"),
    ],
)
def test_a_value_is_told_once_and_that_of_a_section_not_at_all(write, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(text + "\n"), {})
    assert problem in str(caught.value)
    assert str(caught.value).count("got ") == text.count("bad header")


@pytest.mark.parametrize(
    ("settings", "environment"),
    [
        ('forward: {headers: {authorization: "Bearer s3cret\\n"}}', {}),
        ("forward: {header: {authorization: Bearer s3cret}}", {}),
        ("forward: {headers: [authorization, s3cret]}", {}),
        ('events: {endpoint: "http://me:s3cret@localhost:4318"}', {}),
        ('forward: {endpoint: "http://me:pass@s3cret@localhost:4318"}', {}),
        ('forward: {endpoint: "http://me:pass/s3cret@localhost:4318"}', {}),
        ('events: {endpoint: "me:s3cret@localhost:4318"}', {}),
        ('events: {endpoint: "http://me:s3cret@[::1"}', {}),
        ('traces: {endpoint: "http://me:s3cret@localhost:4318"}', {}),
        ("token: s3cret", {}),
        ("", {"OTEL_LLM_COLLECTOR_FORWARD__HEADERS": "{authorization: Bearer s3cret"}),
        ("", {"OTEL_LLM_COLLECTOR_FORWARD__HEADER": "{authorization: Bearer s3cret}"}),
    ],
)
def test_no_message_tells_a_secret(write, settings: str, environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(settings + "\n"), {}, environment)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        ("http://localhost:notaport", "must be a URL such as"),
        ("http://localhost:99999", "must be a URL such as"),
        ("http://localhost:4318?x=1", "must be a URL such as"),
        ("http://localhost:4318/v1/logs", "without /v1/traces"),
        ("https://localhost/otlp/v1/metrics/", "without /v1/traces"),
        ("http://[::1", "must be a URL such as"),
        ("http://me@localhost:4318", "must have no user and password: use headers"),
        ("grpc://localhost:4317/path", "must have no path"),
    ],
)
def test_an_endpoint_that_cannot_work_is_refused(write, endpoint: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load_settings(write(f"events: {{endpoint: '{endpoint}'}}\n"), {})


def test_for_traces_a_password_goes_where_their_exporter_reads_it(write) -> None:
    with pytest.raises(ConfigError, match=r"traces\.endpoint: must have no .*: use OTEL_EXPORTER_OTLP_HEADERS"):
        load_settings(write("traces: {endpoint: 'http://me:pw@localhost:4318'}\n"), {})


@pytest.mark.parametrize("path", ["/v1/logs-proxy", "/v1/traces/otlp"])
def test_a_path_that_does_not_end_as_that_of_otlp_is_taken(write, path: str) -> None:
    settings = load_settings(write(f"events: {{endpoint: 'http://localhost{path}'}}\n"), {})
    assert settings.events.endpoint == f"http://localhost{path}"


def test_a_scheme_may_be_in_capitals_and_a_path_may_stand_before_otlps(write) -> None:
    settings = load_settings(write("events: {endpoint: 'HTTPS://localhost/otlp'}\n"), {})
    assert settings.events.endpoint == "https://localhost/otlp"


@pytest.mark.parametrize("endpoint", ["http://localhost:4318", "grpc://localhost:4317"])
def test_certificates_for_plain_text_are_refused(write, endpoint: str) -> None:
    with pytest.raises(ConfigError, match="it would go in plain text"):
        load_settings(write(f"forward: {{endpoint: '{endpoint}', tls: {{ca_file: ca.pem}}}}\n"), {})


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("forward: {tenant_header: 'a b'}", "must be the name of a header"),
        ("forward: {headers: {Content-Type: x}}", "must not have Content-Type"),
        ("receive: {tenant_header: Authorization}", "must be a header of its own"),
    ],
)
def test_headers_that_are_taken_are_refused(write, settings: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load_settings(write(settings + "\n"), {})

import time

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from otlp_sink import OtlpSink, plain
from support.results import call, result

from otel_llm.evaluate.definition.result import Read, Result
from otel_llm.report.events import events_request
from otel_llm.version import __version__


def sent(*results: Result, explanations: bool = True) -> OtlpSink:
    sink = OtlpSink()
    sink.take("/v1/logs", events_request(results, explanations=explanations))
    return sink


def test_a_result_is_an_event_of_the_evaluated_span() -> None:
    before = time.time_ns()
    [(resource, record)] = sent(result(explanation="it is kind")).logs
    assert resource["service.name"] == "otel-llm"
    assert record.event_name == "gen_ai.evaluation.result"
    assert record.body.string_value == "toxicity.output pass 0.25"
    assert record.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert record.span_id.hex() == "b7ad6b7169203331"
    assert record.flags & 1
    assert before <= record.observed_time_unix_nano <= time.time_ns()
    assert plain(record.attributes) == {
        "gen_ai.evaluation.name": "toxicity",
        "gen_ai.evaluation.score.value": 0.25,
        "gen_ai.evaluation.score.label": "pass",
        "gen_ai.evaluation.explanation": "it is kind",
        "gen_ai.response.id": "chatcmpl-1",
        "otel_llm.evaluation.id": "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-toxicity-1.2-output",
        "otel_llm.evaluation.version": "1.2",
        "otel_llm.evaluation.target": "output",
    }


def test_what_is_unknown_is_absent() -> None:
    failed = result(call=call(response_id=None), label="error", score=None, error_type="RuntimeError")
    [(_, record)] = sent(failed).logs
    assert record.body.string_value == "toxicity.output error RuntimeError"
    assert plain(record.attributes) == {
        "gen_ai.evaluation.name": "toxicity",
        "gen_ai.evaluation.score.label": "error",
        "error.type": "RuntimeError",
        "otel_llm.evaluation.id": "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-toxicity-1.2-output",
        "otel_llm.evaluation.version": "1.2",
        "otel_llm.evaluation.target": "output",
    }


def test_without_explanations_nothing_of_the_answer_is_sent() -> None:
    quoting = result(
        label="fail", explanation="not supported by the context (1 of 1 sentences): “My PIN is 1234.”"
    )
    [(_, record)] = sent(quoting, explanations=False).logs
    assert "gen_ai.evaluation.explanation" not in plain(record.attributes)
    assert b"1234" not in record.SerializeToString()
    assert plain(record.attributes)["gen_ai.evaluation.score.label"] == "fail"


def test_how_much_was_read_is_told_without_explanations_too() -> None:
    part = result(label="partial", read=Read(part=30, whole=181, unit="sentences"))
    [(_, record)] = sent(part, explanations=False).logs
    assert plain(record.attributes)["otel_llm.evaluation.read"] == "30 of 181 sentences read"


def test_every_result_is_an_event_in_their_order() -> None:
    ids = [f"{number:016x}" for number in range(1, 91)]
    logs = sent(*(result(call=call(span_id=span_id)) for span_id in ids)).logs
    assert [record.span_id.hex() for _, record in logs] == ids


def test_a_request_names_the_service_and_the_scope_with_their_version_once() -> None:
    request = ExportLogsServiceRequest.FromString(events_request([result(), result()], explanations=True))
    [resource] = request.resource_logs
    [scope] = resource.scope_logs
    assert plain(resource.resource.attributes) == {"service.name": "otel-llm", "service.version": __version__}
    assert (scope.scope.name, scope.scope.version) == ("otel_llm", __version__)
    assert len(scope.log_records) == 2

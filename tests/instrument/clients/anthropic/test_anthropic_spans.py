"""The client's own OpenTelemetry spans: one span for a call of ours, theirs for all else, as before afterwards."""

import anthropic
import pytest
from opentelemetry import trace

import otel_llm
from otel_llm import names
from otel_llm.instrument.clients.anthropic import CLIENT

pytestmark = pytest.mark.skipif(
    int(anthropic.__version__.partition(".")[0]) < 1, reason="the client has spans of its own since 1.17"
)
QUESTION = {"model": "scripted", "messages": [{"role": "user", "content": "count"}]}
OWN_SCOPE = "com.anthropic.sdk.python"


@pytest.fixture(params=["of the client", "of the process"])
def traced_claude(request, exported, messages_server, monkeypatch):
    """A client whose own spans are exported, too."""
    options = {}
    if request.param == "of the client":
        options["open_telemetry"] = {"tracer_provider": exported.tracer_provider}
    else:
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", exported.tracer_provider)
    with anthropic.Anthropic(api_key="none", base_url=messages_server.url, max_retries=0, **options) as client:
        yield client


def use(client):
    client.messages.create(max_tokens=64, **QUESTION)
    list(client.messages.create(max_tokens=64, stream=True, **QUESTION))
    with client.beta.messages.stream(max_tokens=64, **QUESTION) as stream:
        stream.until_done()


def scopes(exported):
    found = [span.instrumentation_scope.name for span in exported.spans]
    exported.span_exporter.clear()
    return found


def test_a_call_has_one_span_and_it_is_ours(exported, traced_claude):
    exported.instrument()
    use(traced_claude)

    assert scopes(exported) == ["otel_llm"] * 3


def test_what_is_not_instrumented_keeps_the_clients_span(exported, traced_claude):
    exported.instrument()
    traced_claude.messages.count_tokens(**QUESTION)

    assert scopes(exported) == [OWN_SCOPE]


def test_uninstrumented_the_client_has_its_spans_again(exported, traced_claude):
    use(traced_claude)
    assert scopes(exported) == [OWN_SCOPE] * 3
    exported.instrument()
    otel_llm.uninstrument()
    use(traced_claude)

    assert scopes(exported) == [OWN_SCOPE] * 3


def test_the_clients_span_can_be_completed(exported, traced_claude):
    exported.instrument(client_spans="complete")
    traced_claude.messages.create(max_tokens=64, **QUESTION)

    assert exported.span.instrumentation_scope.name == OWN_SCOPE
    assert exported.span.attributes[names.USAGE_COST] == pytest.approx(26e-6)


def test_the_provider_is_sent_no_trace_context_of_a_call_of_ours(exported, traced_claude, messages_server):
    traced_claude.messages.create(max_tokens=64, **QUESTION)
    assert "traceparent" in messages_server.requests[-1][1]
    exported.instrument()
    traced_claude.messages.create(max_tokens=64, **QUESTION)

    assert "traceparent" not in messages_server.requests[-1][1]


def test_all_scopes_of_the_client_are_known():
    kinds = [anthropic.Anthropic, anthropic.AnthropicBedrock, anthropic.AnthropicVertex]
    platforms = {getattr(kind, "_otel_platform", None) for kind in kinds}
    assert {f"{OWN_SCOPE}.{platform}" if platform else OWN_SCOPE for platform in platforms} <= CLIENT.own_scopes

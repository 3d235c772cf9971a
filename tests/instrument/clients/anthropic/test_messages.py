"""Messages of the real anthropic client: what the span of a call says, whole and streamed."""

import json

import anthropic
import pytest
from genai_prices import Usage as ListUsage
from genai_prices import calc_price
from opentelemetry.trace import StatusCode

from otel_llm import names
from otel_llm.instrument.clients.anthropic.usage import read_usage
from otel_llm.instrument.contract import units
from otel_llm.instrument.cost.prices import Prices

CACHED = {
    names.USAGE_INPUT_TOKENS: 1110, names.USAGE_OUTPUT_TOKENS: 5, names.USAGE_CACHE_READ_INPUT_TOKENS: 1000,
    names.USAGE_CACHE_CREATION_INPUT_TOKENS: 100, names.USAGE_REASONING_OUTPUT_TOKENS: 2,
}  # fmt: skip


def ask(client, question="count", method="create", **options):
    messages = [{"role": "user", "content": question}]
    return getattr(client.messages, method)(model="scripted", max_tokens=64, messages=messages, **options)


def content(span, name):
    return json.loads(span.attributes[name])


def test_the_whole_span_of_a_call(instrumented, claude, messages_server):
    effort = {"effort": "low", "format": {"type": "json_schema", "schema": {}}}
    # no arguments of the newest version, but of the API
    sampling = {"temperature": 1, "top_p": 0.5, "top_k": 40}
    ask(claude, stop_sequences=["\n\n", "END"], extra_body={**sampling, "output_config": effort})

    assert dict(instrumented.span.attributes) == {
        names.OPERATION: "chat",
        names.PROVIDER: "anthropic",
        names.REQUEST_MODEL: "scripted",
        names.SERVER_ADDRESS: "127.0.0.1",
        names.SERVER_PORT: messages_server.server_address[1],
        names.REQUEST_MAX_TOKENS: 64,
        names.REQUEST_TEMPERATURE: 1.0,
        names.REQUEST_TOP_P: 0.5,
        names.REQUEST_TOP_K: 40,
        names.REQUEST_STOP_SEQUENCES: ("\n\n", "END"),
        names.REQUEST_REASONING_LEVEL: "low",
        names.OUTPUT_TYPE: "json",
        names.RESPONSE_ID: "msg_1",
        names.RESPONSE_MODEL: "scripted",
        names.RESPONSE_FINISH_REASONS: ("stop",),
        names.USAGE_INPUT_TOKENS: 20,
        names.USAGE_OUTPUT_TOKENS: 3,
        names.USAGE_COST: pytest.approx(26e-6),
        names.USAGE_COST_SOURCE: "own",
    }


def test_counts_beside_each_other_are_summed(instrumented, claude):
    ask(claude, "cached")

    assert CACHED.items() <= dict(instrumented.span.attributes).items()


def test_a_streams_later_counts_stand_for_the_earlier_ones(instrumented, claude):
    list(ask(claude, "cached", stream=True))  # its last event has no count of the input

    assert CACHED.items() <= dict(instrumented.span.attributes).items()
    assert instrumented.span.attributes[names.USAGE_OUTPUT_TOKENS] == 5  # and not the first event's 1


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-opus-4-1"])
@pytest.mark.parametrize("for_an_hour", [0, 200])
def test_cached_input_costs_what_the_price_list_says(model, for_an_hour):
    counts = {"input_tokens": 2000, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 500}
    split = {"ephemeral_1h_input_tokens": for_an_hour, "ephemeral_5m_input_tokens": 500 - for_an_hour}
    theirs = calc_price(
        ListUsage(
            input_tokens=3500, cache_read_tokens=1000, cache_write_tokens=500, cache_write_1h_tokens=for_an_hour,
            output_tokens=70, web_searches=2,
        ),
        model, provider_id="anthropic",
    )  # fmt: skip
    usage = read_usage(
        {**counts, "cache_creation": split, "output_tokens": 70, "server_tool_use": {"web_search_requests": 2}}
    )

    usd, _ = Prices().cost("anthropic", model, None, usage)
    assert usd == pytest.approx(float(theirs.total_price))


def test_a_split_of_cache_writes_that_the_whole_contradicts_does_not_count():
    counts = {"input_tokens": 1, "cache_creation_input_tokens": 5, "output_tokens": 1}
    usage = read_usage({**counts, "cache_creation": {"ephemeral_1h_input_tokens": 6}})

    assert units.CACHE_WRITE_1H_TOKENS not in usage.counts


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("tool_use", "tool_call"),
        ("model_context_window_exceeded", "length"), ("refusal", "content_filter"), ("pause_turn", "pause_turn"),
        ("of_tomorrow", "of_tomorrow"),
    ],
)  # fmt: skip
def test_stop_reasons_have_the_conventions_names(instrumented, claude, monkeypatch, stop_reason, finish_reason):
    monkeypatch.setattr("support.anthropic_server.DEFAULT_STOP_REASON", stop_reason)
    ask(claude)

    assert instrumented.span.attributes[names.RESPONSE_FINISH_REASONS] == (finish_reason,)


def test_an_error_within_a_stream_is_the_clients_class(instrumented, claude):
    with pytest.raises(anthropic.APIStatusError) as error:
        list(ask(claude, "overloaded midway", stream=True))

    assert error.value.status_code == 200
    assert instrumented.span.status.status_code is StatusCode.ERROR
    assert instrumented.span.attributes[names.ERROR_TYPE] == type(error.value).__qualname__
    assert names.USAGE_OUTPUT_TOKENS not in instrumented.span.attributes


def test_a_stream_left_early_has_its_input_alone(exported, claude):
    exported.instrument(capture_content=True)
    with ask(claude, "long", stream=True) as events:
        next(event for event in events if "beta" in str(event))

    attributes = exported.span.attributes
    assert attributes[names.USAGE_INPUT_TOKENS] == 20
    assert attributes[names.USAGE_COST] == pytest.approx(20e-6)
    assert not {names.USAGE_OUTPUT_TOKENS, names.RESPONSE_FINISH_REASONS} & attributes.keys()
    assert content(exported.span, names.OUTPUT_MESSAGES)[0]["parts"] == [{"type": "text", "content": "alpha beta"}]


def test_a_stream_never_iterated_has_its_span(instrumented, claude):
    ask(claude, stream=True)

    assert instrumented.span.status.status_code is StatusCode.UNSET


def test_a_helper_gives_its_final_message(instrumented, claude):
    with ask(claude, method="stream") as stream:
        assert stream.get_final_message().content[0].text == "one two three"

    assert instrumented.span.attributes[names.USAGE_OUTPUT_TOKENS] == 3


def test_a_helpers_text_stream_is_timed_by_events(instrumented, claude):
    with ask(claude, method="stream") as stream:
        assert "".join(stream.text_stream) == "one two three"

    assert instrumented.span.attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK] > 0
    (point,) = instrumented.points(names.TIME_PER_OUTPUT_CHUNK.name)
    # message_start, content_block_start, 3 deltas, content_block_stop, message_delta, message_stop
    assert point.count == 7


def test_a_raw_streams_pings_are_no_chunks(instrumented, claude):
    with claude.messages.with_streaming_response.create(
        model="scripted", max_tokens=64, messages=[{"role": "user", "content": "count"}], stream=True
    ) as response:
        assert "event: ping" in list(response.iter_lines())

    (point,) = instrumented.points(names.TIME_PER_OUTPUT_CHUNK.name)
    assert point.count == 7


def test_messages_of_an_iterator_are_the_clients_to_read(exported, claude, messages_server):
    exported.instrument(capture_content=True)
    claude.messages.create(model="scripted", max_tokens=64, messages=iter([{"role": "user", "content": "count"}]))

    assert messages_server.requests[-1][2]["messages"] == [{"role": "user", "content": "count"}]
    assert names.OUTPUT_MESSAGES in exported.span.attributes


@pytest.mark.parametrize(
    ("kind", "options", "provider"),
    [
        (anthropic.AnthropicBedrock, {"aws_region": "eu-west-1"}, "aws.bedrock"),
        (anthropic.AnthropicVertex, {"region": "europe-west1", "project_id": "shop"}, "gcp.vertex_ai"),
        (anthropic.Anthropic, {}, "anthropic"),
    ],
)
def test_the_provider_is_known_by_the_class_and_by_the_host(kind, options, provider):
    from otel_llm.instrument.clients.anthropic.server import server_of
    from otel_llm.instrument.servers import Servers

    credentials = {"api_key": "none"} if kind is anthropic.Anthropic else {}
    at_home = kind(**options, **credentials)
    behind_a_proxy = kind(**options, **credentials, base_url="http://proxy.corp:8080")
    assert {server_of(client, Servers({})).provider for client in (at_home, behind_a_proxy)} == {provider}


def test_foundry_is_the_conventions_azure_for_models_of_others():
    from otel_llm.instrument.clients.anthropic.server import server_of
    from otel_llm.instrument.servers import Servers

    for kind in (anthropic.AnthropicFoundry, anthropic.AsyncAnthropicFoundry):
        at_home = kind(resource="shop", api_key="none")
        behind_a_proxy = kind(base_url="http://proxy.corp:8080", api_key="none")
        assert server_of(at_home, Servers({}))[:2] == ("azure.ai.inference", "shop.services.ai.azure.com")
        assert server_of(behind_a_proxy, Servers({})).provider == "azure.ai.inference"
    assert server_of(at_home, Servers({"shop.services.ai.azure.com": "gateway"})).provider == "gateway"

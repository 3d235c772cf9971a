"""Instrumenting and uninstrumenting: in any order, any number of times, with any settings."""

import functools
import inspect
import logging
from importlib.metadata import version
from pathlib import Path

import openai
import pytest
from in_process import COMPLETION, client_for
from openai._base_client import AsyncAPIClient, SyncAPIClient

import otel_llm
from otel_llm import names
from otel_llm.errors import ConfigError
from otel_llm.instrument import setup
from otel_llm.instrument.clients.openai import CLIENT as OPENAI
from otel_llm.instrument.instrumentor import LlmInstrumentor
from otel_llm.instrument.lifecycle import patch

PRICES = Path(__file__).with_name("prices.toml")

PLAIN = {SyncAPIClient: SyncAPIClient.request, AsyncAPIClient: AsyncAPIClient.request}


def call(client=None):
    client = client or client_for(COMPLETION)
    return client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello?"}])


def test_the_public_surface_is_small():
    assert otel_llm.__all__ == [
        "__version__",
        "context",
        "evaluate",
        "evaluate_iter",
        "instrument",
        "uninstrument",
    ]
    assert set(otel_llm.__all__) <= set(dir(otel_llm))
    assert callable(otel_llm.instrument)
    assert not hasattr(otel_llm, "no_such_name")


def test_instrumenting_twice_records_once(instrumented):
    otel_llm.instrument(prices=PRICES, debug_raise=True)
    call()

    assert len(instrumented.spans) == 1


def test_settings_given_later_apply_from_then_on(instrumented):
    call()
    instrumented.instrument(capture_content=True)
    call()

    assert [names.INPUT_MESSAGES in span.attributes for span in instrumented.spans] == [False, True]


def test_instrumenting_again_keeps_what_is_not_given(exported, monkeypatch):
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    exported.instrument(capture_content=False)
    otel_llm.instrument()
    call()
    otel_llm.instrument(content_limit=1000)
    call()

    assert [names.INPUT_MESSAGES in span.attributes for span in exported.spans] == [False, False]


def test_settings_given_later_set_up_no_other_sdk(instrumented, monkeypatch):
    monkeypatch.setattr(setup, "set_up_sdk", lambda: pytest.fail("an SDK was set up beside the app's provider"))
    otel_llm.instrument(capture_content=True)
    call()

    assert names.INPUT_MESSAGES in instrumented.span.attributes
    assert instrumented.points(names.OPERATION_DURATION.name)


def test_own_prices_stay_when_other_settings_change(instrumented, client):
    otel_llm.instrument(capture_content=True)
    client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "count"}])

    assert instrumented.span.attributes[names.USAGE_COST] == pytest.approx(26e-6)


def test_a_wrong_setting_given_later_leaves_the_client_instrumented(instrumented, tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text("[models")
    with pytest.raises(ConfigError, match="must be a TOML file"):
        otel_llm.instrument(prices=path)
    call()

    assert len(instrumented.spans) == 1


def test_a_client_made_before_is_instrumented_too(exported):
    client = client_for(COMPLETION)
    call(client)
    exported.instrument()
    call(client)

    assert len(exported.spans) == 1


def test_uninstrumenting_puts_everything_back(instrumented):
    assert SyncAPIClient.request is not PLAIN[SyncAPIClient]
    otel_llm.uninstrument()
    for owner, method in PLAIN.items():
        assert owner.request is method
    call()
    otel_llm.uninstrument()

    assert instrumented.spans == []


def test_a_patched_method_looks_as_it_did(instrumented):
    for owner, method in PLAIN.items():
        assert owner.request is not method
        assert inspect.signature(owner.request) == inspect.signature(method)
        assert inspect.iscoroutinefunction(owner.request) == inspect.iscoroutinefunction(method)
        assert owner.request.__qualname__ == method.__qualname__


def test_a_stream_open_while_uninstrumenting_still_ends_its_span(instrumented, client):
    stream = client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": "count"}], stream=True
    )
    otel_llm.uninstrument()
    list(stream)

    assert instrumented.span.attributes[names.RESPONSE_FINISH_REASONS] == ("stop",)


def test_what_others_wrapped_around_us_is_left_to_them(instrumented, caplog):
    ours = SyncAPIClient.request
    theirs = SyncAPIClient.request = functools.partialmethod(ours)
    try:
        otel_llm.uninstrument()

        assert vars(SyncAPIClient)["request"] is theirs
        assert "SyncAPIClient.request stays wrapped" in caplog.text
        assert call().id == "chatcmpl-1"
        assert instrumented.spans == []
    finally:
        SyncAPIClient.request = PLAIN[SyncAPIClient]


def test_an_unknown_version_of_the_client_is_one_line_and_no_patch(exported, monkeypatch, caplog):
    monkeypatch.setattr(patch, "version", lambda name: "4.1.0" if name == "openai" else version(name))
    exported.instrument()

    (record,) = [record for record in caplog.records if record.name == "otel_llm"]
    assert record.getMessage() == "otel-llm: openai 4.1.0 is not instrumented: the versions known are >=2,<4"
    assert SyncAPIClient.request is PLAIN[SyncAPIClient]


def test_each_client_of_an_unknown_version_has_its_line(exported, monkeypatch, caplog):
    import anthropic  # noqa: F401 - so that it is there to be patched

    monkeypatch.setattr(patch, "version", lambda _: "4.1.1")
    exported.instrument()

    lines = [record.getMessage() for record in caplog.records if record.name == "otel_llm"]
    assert [line.split()[1] for line in lines] == ["anthropic", "openai"]


def test_a_client_whose_insides_moved_is_left_alone(exported, monkeypatch, caplog):
    moved = OPENAI.patches[0]._replace(owner="NoSuchClient")
    monkeypatch.setattr(type(OPENAI), "patches", (*OPENAI.patches, moved))
    exported.instrument(debug_raise=False)

    assert "instrumenting a client failed, the app is not affected: AttributeError" in caplog.text
    assert SyncAPIClient.request is PLAIN[SyncAPIClient]


def test_a_wrong_argument_is_the_developers_to_see(exported):
    with pytest.raises(ConfigError, match=r"capture_content must be one of NO_CONTENT, .*, got 'everything'"):
        exported.instrument(capture_content="everything")
    with pytest.raises(TypeError, match="no_such_setting"):
        exported.instrument(no_such_setting=1)
    assert SyncAPIClient.request is PLAIN[SyncAPIClient]


def test_a_wrong_variable_is_logged_and_its_default_used(exported, monkeypatch, caplog):
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "yes")
    exported.instrument()
    call()

    assert "CAPTURE_MESSAGE_CONTENT must be one of NO_CONTENT" in caplog.text
    assert caplog.records[0].levelno == logging.WARNING
    assert names.INPUT_MESSAGES not in exported.span.attributes


def test_the_entry_points_class_instruments_and_uninstruments(exported):
    instrumentor = LlmInstrumentor()
    assert instrumentor.instrumentation_dependencies() == ()  # each client is looked at when it is imported
    instrumentor.instrument(
        tracer_provider=exported.tracer_provider,
        meter_provider=exported.meter_provider,
        logger_provider=exported.logger_provider,
    )
    call()
    instrumentor.uninstrument()

    assert exported.span.name == "chat gpt-4o-mini"
    assert SyncAPIClient.request is PLAIN[SyncAPIClient]


def test_a_client_that_is_disabled_by_its_name_is_left_alone(exported, monkeypatch):
    monkeypatch.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "flask, otel_llm_openai")
    exported.instrument()

    assert SyncAPIClient.request is PLAIN[SyncAPIClient]


def test_every_openai_error_class_is_a_name_of_its_own():
    """`error.type` is a class's name: it must not depend on the module that defines it."""
    assert openai.RateLimitError.__qualname__ == "RateLimitError"


def test_a_platform_that_cannot_fork_is_instrumented_all_the_same(monkeypatch, instrumented):
    monkeypatch.delattr("os.register_at_fork")
    monkeypatch.setattr(setup, "_worker", None)
    otel_llm.uninstrument()
    instrumented.instrument()
    call()

    assert len(instrumented.spans) == 1

"""Upload: files, references to them, and the settings."""

import json
import sys

import fsspec
import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from uploads import BASE_PATH, FORMAT, HOOK, MESSAGES, ask

from otel_llm import names
from otel_llm.config.instrument import read_settings
from otel_llm.instrument.content import upload

REFERENCES = {
    names.INPUT_MESSAGES_REF,
    names.OUTPUT_MESSAGES_REF,
    names.TOOL_DEFINITIONS_REF,
}


def read(url):
    assert upload.flush(10)
    with fsspec.open(url) as file:
        return file.read().decode()


def test_content_is_in_files_that_the_span_refers_to(uploading, tmp_path):
    uploading.instrument()
    ask()

    attributes = uploading.span.attributes
    assert {name for name in attributes if name.endswith("_ref")} == REFERENCES
    assert names.INPUT_MESSAGES not in attributes
    url = attributes[names.INPUT_MESSAGES_REF]
    assert url.startswith(f"file://{tmp_path}/prompts/")
    assert url.endswith("_inputs.json")
    assert json.loads(read(url)) == [
        {"role": "user", "parts": [{"type": "text", "content": "Write to ann@example.com."}]}
    ]
    assert json.loads(read(attributes[names.OUTPUT_MESSAGES_REF])) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello."}], "finish_reason": "stop"}
    ]
    assert json.loads(read(attributes[names.TOOL_DEFINITIONS_REF])) == [
        {"type": "function", "name": "look", "description": "Looks."}
    ]
    assert uploading.logs == []


def test_lines_have_one_message_each_and_its_index(uploading, monkeypatch):
    monkeypatch.setenv(FORMAT, "JSONL")
    uploading.instrument()
    ask(messages=[{"role": "system", "content": "Be\nbrief."}, *MESSAGES])

    url = uploading.span.attributes[names.INPUT_MESSAGES_REF]
    assert url.endswith("_inputs.jsonl")
    first, second = read(url).splitlines()
    assert json.loads(first) == {
        "role": "system",
        "parts": [{"type": "text", "content": "Be\nbrief."}],
        "index": 0,
    }
    assert json.loads(second)["index"] == 1


def test_a_url_of_another_store_is_taken_as_it_is(uploading, monkeypatch):
    monkeypatch.setenv(BASE_PATH, "memory://bucket/prompts/")
    uploading.instrument()
    ask()

    url = uploading.span.attributes[names.OUTPUT_MESSAGES_REF]
    assert url.startswith("memory://bucket/prompts/")
    assert json.loads(read(url))[0]["parts"] == [{"type": "text", "content": "Hello."}]


def test_what_is_uploaded_is_whole_redacted_and_without_media(uploading):
    uploading.instrument(content_limit=100, redact="email")
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBO" * 30_000}}
    ask(messages=[*MESSAGES, {"role": "user", "content": [{"type": "text", "text": "x" * 5000}, image]}])

    first, second = json.loads(read(uploading.span.attributes[names.INPUT_MESSAGES_REF]))
    assert first["parts"][0]["content"] == "Write to [email]."
    assert second["parts"][0]["content"] == "x" * 5000
    assert second["parts"][1]["byte_size"] == 90_000


def test_content_can_be_on_the_span_and_the_event_as_well(uploading):
    uploading.instrument(capture_content="SPAN_AND_EVENT")
    ask()

    attributes = uploading.span.attributes
    (event,) = uploading.logs
    assert set(attributes) > REFERENCES
    assert set(event.attributes) > REFERENCES
    assert json.loads(read(attributes[names.INPUT_MESSAGES_REF])) == json.loads(attributes[names.INPUT_MESSAGES])


def test_what_many_calls_share_is_written_once(uploading, tmp_path):
    uploading.instrument(redact="email")
    for _ in range(3):
        ask()
    ask(tools=[{"type": "function", "function": {"name": "other"}}])

    assert upload.flush(10)
    kinds = [path.name.partition("_")[2] for path in (tmp_path / "prompts").iterdir()]
    assert sorted(kinds) == ["inputs.json"] * 4 + ["outputs.json"] * 4 + ["tool.definitions.json"] * 2
    assert len({span.attributes[names.TOOL_DEFINITIONS_REF] for span in uploading.spans}) == 2


def test_a_span_that_is_sampled_out_has_nothing_uploaded(uploading, tmp_path):
    uploading.tracer_provider.sampler = ALWAYS_OFF
    uploading.instrument()
    ask()

    assert upload.flush(10)
    assert not (tmp_path / "prompts").exists()


def test_the_text_of_an_error_stays_off_the_span_where_content_is_only_uploaded(uploading, client):
    import openai

    uploading.instrument()
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "rate limit"}])

    assert uploading.span.status.description is None
    assert json.loads(read(uploading.span.attributes[names.INPUT_MESSAGES_REF]))


def test_redaction_that_fails_uploads_nothing(uploading, tmp_path, caplog):
    uploading.instrument(redact=lambda text: 1 / 0, debug_raise=False)
    ask(tools=[])

    assert upload.flush(10)
    assert not (tmp_path / "prompts").exists()
    assert "the content of the call is not recorded" in caplog.text


def test_a_base_path_is_needed():
    settings, (problem,) = read_settings({HOOK: "upload"})

    assert settings.completion_hook is None
    assert BASE_PATH in str(problem)


def test_a_wrong_format_is_named():
    _, (problem,) = read_settings({HOOK: "upload", BASE_PATH: "x", FORMAT: "xml"})

    assert f"{FORMAT} must be one of json, jsonl, got 'xml'" in str(problem)


@pytest.mark.parametrize("missing", ["fsspec", "s3fs"])
def test_a_line_says_what_to_install(uploading, monkeypatch, caplog, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setenv(BASE_PATH, "s3://bucket/prompts")
    uploading.instrument()
    ask()

    assert "pip install 'otel-llm[upload]'" in caplog.text
    assert not REFERENCES & set(uploading.span.attributes)

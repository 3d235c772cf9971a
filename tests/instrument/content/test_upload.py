"""Upload: files and references to them; a store that is slow, hangs or refuses; forks; the hooks of others."""

import json
import logging
import os
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from in_process import COMPLETION, client_for
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_llm import names
from otel_llm.config.instrument import read_settings
from otel_llm.instrument.content import completion_hook, upload
from otel_llm.instrument.content.upload import Uploader

HOOK = "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK"
BASE_PATH = "OTEL_INSTRUMENTATION_GENAI_UPLOAD_BASE_PATH"
FORMAT = "OTEL_INSTRUMENTATION_GENAI_UPLOAD_FORMAT"
REFERENCES = {
    names.INPUT_MESSAGES_REF,
    names.OUTPUT_MESSAGES_REF,
    names.TOOL_DEFINITIONS_REF,
}
MESSAGES = [{"role": "user", "content": "Write to ann@example.com."}]
TOOLS = [{"type": "function", "function": {"name": "look", "description": "Looks."}}]
TEXT = [{"role": "user", "parts": [{"type": "text", "content": "Hello?"}]}]


@pytest.fixture
def uploading(exported, monkeypatch, tmp_path):
    """Exporters in memory, and content uploaded to a folder that is not there yet."""
    monkeypatch.setenv(HOOK, "upload")
    monkeypatch.setenv(BASE_PATH, str(tmp_path / "prompts"))
    return exported


def ask(**options):
    return client_for(COMPLETION).chat.completions.create(
        **{"model": "gpt-4o-mini", "messages": MESSAGES, "tools": TOOLS, **options}
    )


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


class SlowStore(MemoryFileSystem):
    """Answers no request until it is let go on."""

    protocol = "slowstore"
    cachable = False
    go_on = threading.Event()

    def pipe_file(self, path, value, **options):
        assert self.go_on.wait(60)
        super().pipe_file(path, value)


@pytest.fixture
def slow_store(monkeypatch):
    fsspec.register_implementation("slowstore", SlowStore, clobber=True)
    SlowStore.go_on.clear()
    yield SlowStore.go_on
    SlowStore.go_on.set()


def submit(uploader):
    return uploader.submit({names.INPUT_MESSAGES: TEXT}, dict)


def test_a_store_that_hangs_drops_uploads_and_never_blocks(slow_store, caplog, monkeypatch):
    monkeypatch.setattr(upload, "_QUEUE_LIMIT", 5)
    uploader = Uploader("slowstore://bucket", "json")
    references = [submit(uploader) for _ in range(8)]  # none waits: the store answers only later

    assert [bool(each) for each in references] == [True] * 5 + [False] * 3
    assert uploader.dropped == 3
    (line,) = [record for record in caplog.records if "content is not uploaded" in record.getMessage()]
    assert "slowstore://bucket" in line.getMessage()
    assert not uploader.flush(0.01)
    slow_store.set()
    assert uploader.flush(10)
    assert submit(uploader)
    assert uploader.flush(10)


def test_what_is_lost_at_exit_is_said_and_the_exit_waits_no_longer_than_it_may(slow_store, caplog, monkeypatch):
    uploader = Uploader("slowstore://bucket", "json")
    monkeypatch.setattr(upload, "_uploaders", {("slowstore://bucket", "json"): uploader})
    submit(uploader)
    upload.flush_at_exit(0.05, lambda task: None)  # the store answers only later

    assert "not uploaded to slowstore://bucket: the content of 1 call(s)" in caplog.text
    slow_store.set()
    assert uploader.flush(10)


def test_a_store_that_refuses_is_said_once_and_counted(caplog, tmp_path):
    (tmp_path / "file").write_text("")
    uploader = Uploader(str(tmp_path / "file"), "json")
    for _ in range(3):
        submit(uploader)
        assert uploader.flush(10)

    assert uploader.failed == 3
    assert len([record for record in caplog.records if "uploading content" in record.getMessage()]) >= 1


EXITING = """
import os, sys
sys.path.insert(0, os.environ["SUPPORT"])
import openai, otel_llm
from in_process import client_for, chunk
from otel_llm.instrument.content.upload import Uploader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
import time

write = Uploader._write
Uploader._write = lambda self, item: (time.sleep(0.2), write(self, item))
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
otel_llm.instrument(tracer_provider=provider)
client = client_for([chunk({"content": "One"}), chunk({"content": " two."}, finish_reason="stop")])
messages = [{"role": "user", "content": "Hello?"}]
stream = client.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True)
next(stream)
"""


def test_what_a_stream_said_that_is_open_at_exit_is_uploaded(tmp_path):
    folder = tmp_path / "prompts"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    environment |= {HOOK: "upload", BASE_PATH: str(folder), "SUPPORT": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", EXITING], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    attributes = json.loads(done.stdout)["attributes"]
    urls = {attributes[names.INPUT_MESSAGES_REF], attributes[names.OUTPUT_MESSAGES_REF]}
    assert {f"file://{path}" for path in folder.iterdir()} == urls
    (answer,) = json.loads(Path(attributes[names.OUTPUT_MESSAGES_REF].removeprefix("file://")).read_text())
    assert answer["parts"] == [{"type": "text", "content": "One"}]


def test_what_no_thread_can_be_started_for_is_uploaded_at_exit_on_the_workers(tmp_path, monkeypatch):
    def refuse(*given):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(upload._thread, "start_new_thread", refuse)
    uploader = Uploader(str(tmp_path), "json")
    monkeypatch.setattr(upload, "_uploaders", {("", "json"): uploader})
    (url,) = submit(uploader).values()
    assert list(tmp_path.iterdir()) == []
    upload.flush_at_exit(10, lambda task: task())

    assert json.loads(read_by(uploader, url)) == TEXT


class Odd(str):
    """A text of a class of the app's own."""


@pytest.mark.parametrize("text", ["look", Odd("look")])
def test_what_many_calls_share_is_prepared_off_the_calls_thread_and_once(tmp_path, text):
    threads = []

    def prepare(item):
        threads.append(threading.get_ident())
        return {**item, "name": "[name]"}

    uploader = Uploader(str(tmp_path), "json")
    tools = [{"type": "function", "name": text}]
    urls = {uploader.submit({names.TOOL_DEFINITIONS: [*map(dict, tools)]}, prepare).popitem()[1] for _ in range(3)}

    (url,) = urls
    assert json.loads(read_by(uploader, url)) == [{"type": "function", "name": "[name]"}]
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_what_was_prepared_in_another_way_is_not_shared(tmp_path):
    uploader = Uploader(str(tmp_path), "json")
    tools = {names.TOOL_DEFINITIONS: [{"type": "function", "name": "ann"}]}
    (plain,) = uploader.submit(tools, dict).values()
    (redacted,) = uploader.submit(tools, lambda item: {**item, "name": "[name]"}).values()

    assert json.loads(read_by(uploader, plain)) == [{"type": "function", "name": "ann"}]
    assert json.loads(read_by(uploader, redacted)) == [{"type": "function", "name": "[name]"}]


def test_a_shared_file_that_failed_is_tried_again(tmp_path, caplog):
    (tmp_path / "folder").write_text("")
    uploader = Uploader(str(tmp_path / "folder"), "json")
    tools = {names.TOOL_DEFINITIONS: [{"type": "function", "name": "look"}]}
    (url,) = uploader.submit(tools, dict).values()
    assert uploader.flush(10)
    (tmp_path / "folder").unlink()

    assert uploader.submit(tools, dict) == {names.TOOL_DEFINITIONS_REF: url}
    assert json.loads(read_by(uploader, url)) == tools[names.TOOL_DEFINITIONS]


def read_by(uploader, url):
    assert uploader.flush(10)
    with fsspec.open(url) as file:
        return file.read().decode()


def test_redaction_that_fails_uploads_nothing(uploading, tmp_path, caplog):
    uploading.instrument(redact=lambda text: 1 / 0, debug_raise=False)
    ask(tools=[])

    assert upload.flush(10)
    assert not (tmp_path / "prompts").exists()
    assert "the content of the call is not recorded" in caplog.text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_uploads_by_itself(tmp_path):
    uploader = Uploader(str(tmp_path), "json")
    submit(uploader)
    assert uploader.flush(10)
    child = os.fork()
    if child == 0:
        submit(uploader)
        os._exit(0 if uploader.flush(10) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(tmp_path.glob("*_inputs.json"))) == 2


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


class OthersHook:
    """A completion hook as others write them."""

    calls: ClassVar[list] = []

    def on_completion(self, **given):
        self.calls.append(given)
        given["span"].set_attribute("others.ref", "x")
        if given["log_record"] is not None:
            given["log_record"].attributes = {**given["log_record"].attributes, "others.ref": "x"}


@pytest.fixture
def others_hook(exported, monkeypatch):
    entry_point = types.SimpleNamespace(load=lambda: OthersHook)
    found = {(completion_hook.GROUP, "others"): (entry_point,)}
    monkeypatch.setattr(completion_hook, "entry_points", lambda *, group, name: found.get((group, name), ()))
    monkeypatch.setenv(HOOK, "others")
    OthersHook.calls = []
    return exported


def test_a_hook_of_others_is_given_content_in_its_own_classes(others_hook):
    from opentelemetry.util.genai import types as genai

    others_hook.instrument(capture_content="EVENT_ONLY", redact="email")
    image = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
    ask(messages=[*MESSAGES, {"role": "user", "content": [image]}, {"role": "assistant", "refusal": "No."}])

    (given,) = OthersHook.calls
    asked, shown, refused = given["inputs"]
    assert asked == genai.InputMessage("user", [genai.TextPart("Write to [email].")])
    assert shown.parts == [genai.UriPart(mime_type=None, modality="image", uri="https://example.com/cat.png")]
    assert (refused.parts[0].type, refused.parts[0].content) == ("refusal", "No.")
    assert given["outputs"] == [genai.OutputMessage("assistant", [genai.TextPart("Hello.")], "stop")]
    assert given["tool_definitions"] == [genai.FunctionToolDefinition("look", "Looks.", None)]
    assert given["system_instruction"] == []
    assert others_hook.span.attributes["others.ref"] == "x"
    (event,) = others_hook.logs
    assert event.attributes["others.ref"] == "x"


def test_a_hook_of_others_that_fails_leaves_the_rest(others_hook, caplog, monkeypatch):
    monkeypatch.setattr(OthersHook, "on_completion", lambda self, **given: 1 / 0)
    others_hook.instrument(capture_content="SPAN_AND_EVENT", debug_raise=False)
    ask()

    assert names.INPUT_MESSAGES in others_hook.span.attributes
    assert len(others_hook.logs) == 1
    assert "running the completion hook" in caplog.text


@pytest.mark.parametrize("missing", ["nobodys", "util-genai"])
def test_a_hook_that_cannot_be_loaded_is_said(others_hook, monkeypatch, caplog, missing):
    if missing == "util-genai":
        monkeypatch.setitem(sys.modules, "opentelemetry.util.genai", None)
    else:
        monkeypatch.setenv(HOOK, "nobodys")
    with caplog.at_level(logging.WARNING, logger="otel_llm"):
        others_hook.instrument()
        ask()

    assert (
        f"{HOOK} must be upload, or an entry point of the group opentelemetry_genai_completion_hook" in caplog.text
    )
    assert OthersHook.calls == []

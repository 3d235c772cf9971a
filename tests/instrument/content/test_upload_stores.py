"""Upload to a store that is slow, hangs or refuses; at exit, in forks; what many calls share."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from uploads import BASE_PATH, HOOK

from otel_llm import names
from otel_llm.instrument.content import upload
from otel_llm.instrument.content.upload import Uploader

TEXT = [{"role": "user", "parts": [{"type": "text", "content": "Hello?"}]}]


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
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
import time

write = Uploader._write
Uploader._write = lambda self, item: (time.sleep(0.2), write(self, item))
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
otel_llm.instrument(tracer_provider=provider, meter_provider=NoOpMeterProvider())
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

"""What an app must not notice of us: its imports, its objects' lives, its exceptions."""

import asyncio
import gc
import subprocess
import sys
import weakref

import openai
import pytest
from in_process import COMPLETION, Pieces, chunk, client_for, httpx, sse
from opentelemetry.trace import StatusCode

from otel_llm import names
from otel_llm.instrument import worker

ASK = [{"role": "user", "content": "count"}]
# while one thread imports the price list as we do where the app has no httpx2, the app imports the package itself
IMPORTS = """
import sys, threading, time
from otel_llm.instrument.cost.price_list import PriceList

assert "httpx2" not in sys.modules
thread = threading.Thread(target=PriceList)
thread.start()
time.sleep(DELAY)
from genai_prices import calc_price, data_snapshot
import genai_prices
assert genai_prices.calc_price is calc_price
thread.join()
import genai_prices.types
PriceList()
print(calc_price.__module__)
"""
LOADER = """
import importlib.util, sys, types
import otel_llm
from otel_llm.instrument import guard
from otel_llm.instrument.lifecycle import imports

class Loader:
    __slots__ = ()
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        module.ready = True

class Finder:
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, Loader()) if name == "awaited" else None

sys.meta_path.append(Finder())
imports.when_imported("awaited", print)
import awaited
print(awaited.ready)
"""


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("delay_s", [0, 0.02, 0.05, 0.1, 0.2])
def test_an_app_can_import_the_prices_package_while_we_do(delay_s):
    assert run(IMPORTS.replace("DELAY", str(delay_s))).stdout == "genai_prices\n"


def test_a_loader_that_takes_no_attributes_imports_as_before():
    done = run(LOADER)
    assert done.stdout == "True\n"
    assert "awaiting a module failed, the app is not affected: AttributeError" in done.stderr


def test_a_coroutine_that_nobody_awaits_any_more_is_no_error(instrumented):
    class Never(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _):
            await forever()

    class forever:  # noqa: N801 - stands for a future
        def __await__(self):
            yield self

    async def main():
        http_client = httpx.AsyncClient(transport=Never())
        client = openai.AsyncOpenAI(api_key="none", max_retries=0, http_client=http_client)
        coroutine = client.chat.completions.create(model="gpt-4o", messages=ASK)
        for _ in range(100):
            if isinstance(coroutine.send(None), forever):
                break
            await asyncio.sleep(0.01)
        coroutine.close()

    asyncio.run(main())
    span = instrumented.span
    assert span.status.status_code is StatusCode.UNSET
    assert names.ERROR_TYPE not in span.attributes


def test_what_a_failed_call_leads_to_is_freed_where_and_when_it_was(instrumented):
    class Held:
        pass

    def fails():
        held = Held()
        freed.append(weakref.ref(held))
        http_client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(400, json={})))
        openai.OpenAI(api_key="none", http_client=http_client).chat.completions.create(model="x", messages=ASK)

    freed = []
    gc.disable()
    try:
        with pytest.raises(openai.BadRequestError) as error:
            fails()
        del error
        assert freed[0]() is None
    finally:
        gc.enable()


def test_an_exception_at_the_address_of_one_before_is_the_streams(instrumented):
    def streaming():
        body = sse(chunk({"content": "It "}), chunk({"content": "rains."}))
        answer = lambda _: httpx.Response(  # noqa: E731
            200, headers={"content-type": "text/event-stream"}, stream=Pieces(body)
        )
        http_client = httpx.Client(transport=httpx.MockTransport(answer))
        client = openai.OpenAI(api_key="none", http_client=http_client)
        return client.chat.completions.create(model="gpt-4o", messages=ASK, stream=True)

    for _ in range(20):
        try:
            raise ValueError("before")  # noqa: TRY301
        except ValueError:
            stream = streaming()
        with pytest.raises(ValueError, match="mine"), stream:  # noqa: PT012
            next(stream)
            raise ValueError("mine")

    assert [span.attributes.get(names.ERROR_TYPE) for span in instrumented.spans] == ["ValueError"] * 20


def test_where_no_thread_can_be_started_calls_have_their_spans(exported, monkeypatch, caplog):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    exported.instrument(debug_raise=False)
    telemetry_worker = worker.BackgroundWorker()
    monkeypatch.setattr("otel_llm.instrument.setup._active.worker", telemetry_worker)
    monkeypatch.setattr(worker._thread, "start_new_thread", refuse)
    for _ in range(3):
        assert client_for(COMPLETION).chat.completions.create(model="gpt-4o", messages=ASK).id == "chatcmpl-1"

    assert len(exported.span_exporter.get_finished_spans()) == 3
    assert "starting a thread failed, the app is not affected" in caplog.text
    monkeypatch.undo()
    assert telemetry_worker.flush(10)


def test_an_odd_choice_costs_an_answer_nothing_else(instrumented):
    client_for({**COMPLETION, "choices": [None]}).chat.completions.create(model="gpt-4o", messages=ASK)

    assert instrumented.span.attributes[names.USAGE_OUTPUT_TOKENS] == 5

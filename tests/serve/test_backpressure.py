import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import nullcontext
from typing import Any

import httpx
import openai
import pytest
from support.model_server import serving

from otel_llm.serve.http.slots import Slots
from otel_llm.serve.models.model import Delta, Piece
from otel_llm.serve.models.request import ChatRequest
from otel_llm.serve.models.script import Script, ScriptRule
from otel_llm.serve.models.scripted import ScriptedModel

SLOW = Script(rule=(ScriptRule(match="slow", delay_s=60), ScriptRule(answer="quick")))
REQUEST: dict[str, Any] = {"model": "scripted", "messages": [{"role": "user", "content": "slow"}]}
QUICK: dict[str, Any] = {"model": "scripted", "messages": [{"role": "user", "content": "quick"}]}


def eventually(condition: Callable[[], bool], timeout_s: float = 60) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Endless:
    """A model that never ends by itself, and counts the answers that it is working on."""

    id = "endless"
    owned_by = "tests"
    headers: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.slots = nullcontext()
        self.working = 0

    def check(self, request: ChatRequest) -> None:
        pass

    async def generate(self, request: ChatRequest, choice: int) -> AsyncGenerator[Piece, None]:
        self.working += 1
        try:
            while True:
                yield Delta("on and on ")
                await asyncio.sleep(0.01)
        finally:
            self.working -= 1

    def close(self) -> None:
        pass


def post_until_gone(url: str, body: dict[str, Any], give_up: threading.Event) -> None:
    """Send a request whose answer nobody waits for, and close the connection when told."""

    async def run() -> None:
        async with httpx.AsyncClient(timeout=None) as client:
            request = asyncio.ensure_future(client.post(f"{url}/chat/completions", json=body))
            await asyncio.to_thread(give_up.wait)
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)

    asyncio.run(run())


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("stream", [False, True])
def test_client_that_goes_away_cancels_its_answers(stream, n):
    model = Endless()
    give_up = threading.Event()
    body = {"model": "endless", "messages": REQUEST["messages"], "stream": stream, "n": n}
    with serving(model) as url:
        client = threading.Thread(target=post_until_gone, args=(url, body, give_up))
        client.start()
        assert eventually(lambda: model.working == n)
        give_up.set()
        client.join()
        assert eventually(lambda: model.working == 0)
        metrics = httpx.get(url.removesuffix("/v1") + "/metrics").text
    assert 'error_type="ClientDisconnect"' in metrics


def test_stream_closed_early_by_the_client_is_cancelled():
    model = Endless()
    with serving(model) as url, openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        stream = client.chat.completions.create(model="endless", messages=REQUEST["messages"], stream=True)
        next(iter(stream))
        assert model.working == 1
        stream.close()
        assert eventually(lambda: model.working == 0)


def test_request_beyond_the_queue_is_refused_with_retry_after():
    slots = Slots(1, queue=1)
    give_up = threading.Event()
    with serving(ScriptedModel(SLOW, slots)) as url:
        first = threading.Thread(target=post_until_gone, args=(url, REQUEST, give_up))
        first.start()
        assert eventually(slots._free.locked)
        second = threading.Thread(target=post_until_gone, args=(url, REQUEST, give_up))
        second.start()
        assert eventually(lambda: slots._waiting == 1)

        refused = httpx.post(f"{url}/chat/completions", json=QUICK)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        error = refused.json()["error"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "server_overloaded")
        assert "1 slots are busy and 1 requests wait" in error["message"]

        give_up.set()
        first.join()
        second.join()
        assert eventually(lambda: httpx.post(f"{url}/chat/completions", json=QUICK).status_code == 200)
        assert slots._waiting == 0


def test_requests_that_wait_are_answered_in_turn():
    model = ScriptedModel(Script(rule=(ScriptRule(answer="done", delay_s=0.05),)), Slots(2, queue=6))
    statuses = []
    with serving(model) as url:
        start = time.monotonic()
        threads = [
            threading.Thread(
                target=lambda: statuses.append(httpx.post(f"{url}/chat/completions", json=QUICK).status_code)
            )
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 8
    assert time.monotonic() - start >= 4 * 0.05


def test_metrics_have_the_names_and_labels_of_the_conventions():
    with serving(ScriptedModel(Script(rule=(ScriptRule(answer="one two three", chunk_delay_s=0.01),)))) as url:
        assert httpx.post(f"{url}/chat/completions", json={**QUICK, "stream": True}).status_code == 200
        assert httpx.post(f"{url}/chat/completions", json={**QUICK, "model": "x" * 50}).status_code == 404
        metrics = httpx.get(url.removesuffix("/v1") + "/metrics").text
    source = 'gen_ai_operation_name="chat",gen_ai_provider_name="otel-llm",gen_ai_request_model="scripted"'
    for name in ("time_to_first_token", "time_per_output_token"):
        assert f"gen_ai_server_{name}_seconds_count{{{source}" in metrics
    assert f'gen_ai_server_request_duration_seconds_count{{error_type="",{source}' in metrics
    assert 'gen_ai_server_request_duration_seconds_count{error_type="404"' in metrics
    assert "x" * 50 not in metrics

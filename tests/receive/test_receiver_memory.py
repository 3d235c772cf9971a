"""What a refused request held is free at once, not when garbage is collected next: an overload has many."""

import gc
from collections.abc import Iterator

import grpc
import httpx
import pytest
from support.receivers import PROTOBUF, MemorySink, receivers, wait_until
from support.spans import body, span

from otel_llm.receive.refusal import Refusal

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def refusals() -> list[Refusal]:
    return [each for each in gc.get_objects() if type(each) is Refusal]


@pytest.mark.parametrize("sink", [{"no_room": "the queue is full"}, {"full": True}], ids=["unread", "read"])
def test_refusal_over_grpc_leaves_no_garbage(sink: dict, no_collection: None) -> None:
    with receivers(MemorySink(**sink)) as at, grpc.insecure_channel(at.grpc) as channel:
        for _ in range(3):
            with pytest.raises(grpc.RpcError) as error:
                channel.unary_unary(EXPORT)(body(span()))
            assert error.value.code() is grpc.StatusCode.UNAVAILABLE
        wait_until(lambda: not refusals())


@pytest.mark.parametrize("sink", [{"no_room": "the queue is full"}, {"full": True}], ids=["unread", "read"])
def test_refusal_over_http_leaves_no_garbage(sink: dict, no_collection: None) -> None:
    with receivers(MemorySink(**sink)) as at:
        for _ in range(3):
            answer = httpx.post(f"{at.http}/v1/traces", content=body(span()), headers=PROTOBUF)
            assert answer.status_code == 503
        wait_until(lambda: not refusals())

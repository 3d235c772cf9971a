"""Tenants have nothing of each other, though they use the same ids."""

import httpx
from support.receivers import wait_until
from support.service import LengthPipeline, service
from support.spans import body, span

from otel_llm.service.running import Service

TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.result": "The secret name is Falcon."}
HEADER = "x-scope-orgid"


def send(at: Service, tenant: str, *spans: object) -> None:
    headers = {"content-type": "application/x-protobuf", HEADER: tenant}
    httpx.post(f"{at.http}/v1/traces", content=body(*spans), headers=headers).raise_for_status()


def test_a_tenants_documents_are_for_its_own_calls_alone(pipeline: LengthPipeline) -> None:
    with service(pipeline, queue={"max_delay_s": 0}, receive={"tenant_header": HEADER}) as at:
        send(at, "a", span(TOOL, span_id=b"the tool"))
        send(at, "b", span())
        wait_until(lambda: len(pipeline.seen) == 1)
        send(at, "a", span(span_id=b"its call"))
        wait_until(lambda: len(pipeline.seen) == 2)
    assert [call.documents for call in pipeline.seen] == [(), ("The secret name is Falcon.",)]


def test_each_tenant_has_the_same_span_evaluated_once(pipeline: LengthPipeline) -> None:
    with service(pipeline, queue={"max_delay_s": 0}, receive={"tenant_header": HEADER}) as at:
        for tenant in ("a", "b", "a", "b"):
            send(at, tenant, span())
        send(at, "a", span(span_id=b"the last"))
        wait_until(lambda: len(pipeline.seen) == 3)
    assert [bytes.fromhex(call.span_id) for call in pipeline.seen] == [span().span_id] * 2 + [b"the last"]

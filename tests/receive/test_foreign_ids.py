"""Fields of OTLP/JSON that are called as ids are, where there is no such field."""

import json

import httpx
from support.receivers import JSON, receivers
from support.spans import SPAN_ID, TRACE_ID


def test_what_is_an_id_elsewhere_is_an_unknown_field_in_json() -> None:
    attribute = {"key": "a", "value": {"stringValue": "b", "traceId": 5}}
    span = {
        "traceId": TRACE_ID,
        "spanId": SPAN_ID,
        "attributes": [attribute],
        "events": [{"name": "said", "spanId": "no hex"}],
        "new": {"traceId": "no hex"},
    }
    export = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}], "spanId": {}}], "traceId": []}
    with receivers() as at:
        response = httpx.post(f"{at.http}/v1/traces", content=json.dumps(export), headers=JSON, timeout=20)
        [taken] = at.sink.spans()
    assert response.json() == {}
    assert (taken.trace_id.hex(), taken.span_id.hex()) == (TRACE_ID, SPAN_ID)
    assert (taken.events[0].name, taken.attributes[0].value.string_value) == ("said", "b")

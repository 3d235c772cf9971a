"""Calls made by hand, for tests of what comes after receiving."""

from collections.abc import Sequence

from otel_llm.receive.call import Call, Message, Part


def call(
    *,
    input: str | None = None,  # noqa: A002 - the side of the call
    output: str | None = None,
    documents: Sequence[str] = (),
    service: str = "library",
    number: int = 1,
) -> Call:
    """Return a chat call with those texts; `number` makes its ids."""
    return Call(
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        service=service,
        operation="chat",
        provider="openai",
        request_model="smollm2-135m-instruct",
        input=() if input is None else (Message("user", (Part("text", input),)),),
        output=() if output is None else (Message("assistant", (Part("text", output),)),),
        documents=tuple(documents),
        start_ns=1_000_000_000,
        duration_s=0.5,
    )

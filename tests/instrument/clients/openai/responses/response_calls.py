"""How the Responses API is asked, and the attributes of its spans."""

import asyncio

import openai
import pytest
from in_process import httpx
from pydantic import BaseModel

from otel_llm import names

# what a connection that breaks off is to each major version of the client
BROKEN = openai.APIConnectionError if openai.__version__.startswith("3.") else httpx.RemoteProtocolError
# what differs from one span to the next
VARYING = {names.RESPONSE_ID, names.RESPONSE_TIME_TO_FIRST_CHUNK, names.SERVER_ADDRESS, names.SERVER_PORT}
REQUEST = {
    names.OPERATION: "chat",
    names.PROVIDER: "openai",
    names.REQUEST_MODEL: "scripted",
    names.OPENAI_API_TYPE: "responses",
}
STREAMED = {**REQUEST, names.REQUEST_STREAM: True}
USAGE = {
    names.USAGE_INPUT_TOKENS: 20,
    names.USAGE_OUTPUT_TOKENS: 3,
    names.USAGE_CACHE_READ_INPUT_TOKENS: 0,
    names.USAGE_CACHE_CREATION_INPUT_TOKENS: 0,
    names.USAGE_REASONING_OUTPUT_TOKENS: 0,
    names.USAGE_COST: pytest.approx(26e-6),
    names.USAGE_COST_SOURCE: "own",
}
ANSWERED = {names.RESPONSE_MODEL: "scripted", names.RESPONSE_FINISH_REASONS: ("stop",), **USAGE}


class Plan(BaseModel):
    city: str
    days: int


def ask(client, question="count", **options):
    return client.responses.create(model="scripted", input=question, **options)


def fixed(span):
    return {name: value for name, value in span.attributes.items() if name not in VARYING}


def text_of(events):
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def run(async_client, main):
    async def entered():
        async with async_client:
            return await main(async_client)

    return asyncio.run(entered())

"""How a stream of a chat completion is asked for, and the attributes of its span."""

import asyncio

from otel_llm import names

DURATION = names.OPERATION_DURATION.name

# what differs from one span to the next
VARYING = {names.RESPONSE_ID, names.RESPONSE_TIME_TO_FIRST_CHUNK, names.SERVER_ADDRESS, names.SERVER_PORT}
REQUEST = {
    names.OPERATION: "chat",
    names.PROVIDER: "openai",
    names.REQUEST_MODEL: "scripted",
    names.REQUEST_STREAM: True,
}
BEGUN = {**REQUEST, names.RESPONSE_MODEL: "scripted"}
READ = {**BEGUN, names.RESPONSE_FINISH_REASONS: ("stop",)}


def ask(client, text="count", **options):
    return client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": text}], stream=True, **options
    )


def text_of(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def fixed(span):
    """Return the attributes that are the same in each run."""
    return {name: value for name, value in span.attributes.items() if name not in VARYING}


def run(async_client, main):
    async def with_client():
        async with async_client:
            return await main(async_client)

    return asyncio.run(with_client())

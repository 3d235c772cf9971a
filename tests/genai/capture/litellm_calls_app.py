"""LiteLLM with its callback for OpenTelemetry: its three functions of a chat, each whole and streamed."""

import asyncio
import os

import litellm

litellm.callbacks = ["otel"]
ASKED = "My card is 4539 1488 0343 6467. Is it valid?"
MESSAGES = [{"role": "user", "content": ASKED}]
MODEL = {"model": "openai/scripted", "api_base": os.environ["OPENAI_BASE_URL"], "api_key": "none"}


async def main() -> None:
    litellm.completion(messages=MESSAGES, **MODEL)
    for _ in litellm.completion(messages=MESSAGES, stream=True, **MODEL):
        pass
    litellm.responses(input=ASKED, instructions="Be brief.", **MODEL)
    async for _ in await litellm.aresponses(input=MESSAGES, stream=True, **MODEL):
        pass
    messages = {"messages": MESSAGES, "max_tokens": 50, "system": "Be brief."} | MODEL
    await litellm.anthropic.messages.acreate(**messages)
    async for _ in await litellm.anthropic.messages.acreate(stream=True, **messages):
        pass
    await litellm.aembedding(input=[ASKED], **MODEL)
    await asyncio.sleep(2)  # LiteLLM ends the spans in tasks of its own


asyncio.run(main())

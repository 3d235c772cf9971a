"""Calls of the real client's endpoints beside chat, in each way that it has for them."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
from in_process import httpx
from support.model_server import serving

from otel_llm import names
from otel_llm.serve.models.script import read_script
from otel_llm.serve.models.scripted import ScriptedModel

WAYS = ("sync", "async", "raw", "async raw", "streaming response", "async streaming response")
# what a connection that breaks off in a stream is to each major version of the client
BROKEN = openai.APIConnectionError if openai.__version__.startswith("3.") else httpx.RemoteProtocolError
# what differs from one run to the next
VARYING = {names.RESPONSE_ID, names.RESPONSE_TIME_TO_FIRST_CHUNK}


@contextmanager
def served() -> Iterator[str]:
    """Serve the script of these tests; gives the API's base URL."""
    with serving(ScriptedModel(read_script(Path(__file__).parent / "scripts" / "media.toml"))) as url:
        yield url


def client_of(url: str) -> openai.OpenAI:
    # to load certificates takes longer than a call
    http_client = openai.DefaultHttpxClient(verify=False)
    return openai.OpenAI(api_key="none", base_url=url, max_retries=0, http_client=http_client)


def call(way: str, url: str, path: str, **options: Any) -> None:
    """Call a method, such as "audio.speech.create", and read its answer to the end.

    A stream is read through the client's own objects, but in a streaming response as bytes.
    """
    resource, _, method = path.rpartition(".")
    prefix = "with_streaming_response." if "response" in way else "with_raw_response." if "raw" in way else ""
    find = attrgetter(f"{resource}.{prefix}{method}")
    if way.startswith("async"):
        asyncio.run(_call_async(way, url, find, options))
        return
    with client_of(url) as client:
        result = find(client)(**options)
        if "response" in way:
            with result as response:
                response.read()
        else:
            result = result.parse() if way == "raw" else result
            if isinstance(result, openai.Stream):
                list(result)


async def _call_async(way: str, url: str, find: Any, options: dict[str, Any]) -> None:
    http_client = openai.DefaultAsyncHttpxClient(verify=False)
    async with openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=0, http_client=http_client) as client:
        if "response" in way:
            async with find(client)(**options) as response:
                await response.read()
            return
        result = await find(client)(**options)
        if way == "async raw":
            result = result.parse()
        if isinstance(result, openai.AsyncStream):
            async for _ in result:
                pass


def shared(url: str, operation: str, model: str | None = "scripted") -> dict[str, Any]:
    """Return the attributes that each call has."""
    server = urlsplit(url)
    attributes = {
        names.OPERATION: operation,
        names.PROVIDER: "openai",
        names.SERVER_ADDRESS: server.hostname,
        names.SERVER_PORT: server.port,
    }
    return {**attributes, names.REQUEST_MODEL: model} if model else attributes


def recorded_media(data: bytes, modality: str, mime_type: str) -> dict[str, Any]:
    """Return the part that stands for media, by size and hash."""
    uri = f"nih:sha-256;{hashlib.sha256(data).hexdigest()}"
    return {"type": "uri", "modality": modality, "mime_type": mime_type, "uri": uri, "byte_size": len(data)}


def fixed(span: Any) -> dict[str, Any]:
    """Return the attributes that are the same in each run."""
    return {name: value for name, value in span.attributes.items() if name not in VARYING}

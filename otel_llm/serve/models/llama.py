"""A real model: a GGUF file, run in this process by llama.cpp, which batches all requests together."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import threading
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import xllamacpp  # type: ignore[import-untyped]

from otel_llm.config.cache import cache_folder
from otel_llm.config.serve import ServeSettings, cpu_count
from otel_llm.errors import ModelError
from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.http.slots import Slots
from otel_llm.serve.models.model import Delta, End, Piece, Token, TokenCounts
from otel_llm.serve.models.request import ChatRequest, refuse
from otel_llm.serve.models.weights import check_gguf, ensure_weights

_REFUSED: Final = (
    "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format", "logit_bias",
    "reasoning_effort", "verbosity", "modalities", "audio", "prediction", "web_search_options",
    "previous_response_id", "conversation",
)  # fmt: skip

# parameters that are passed on unchanged; llama.cpp has defaults for all others
_SAMPLING: Final = ("temperature", "top_p", "presence_penalty", "frequency_penalty")


class LlamaModel:
    """One model in memory. A thread reads each answer from the engine; the event loop never waits for the engine.

    At most `slots` answers run; up to `queue` requests wait.
    """

    owned_by = "otel-llm (xllamacpp)"
    headers: Mapping[str, str] = {}

    def __init__(self, path: Path, model_id: str, settings: ServeSettings) -> None:
        """Load the file.

        Raises:
            ModelError: llama.cpp cannot load the file; stderr has its reason.
        """
        self.id = model_id
        self.slots = Slots(settings.slots, settings.queue)
        self._context_tokens = settings.context_tokens
        self._default_max_tokens = settings.default_max_tokens
        self._threads = ThreadPoolExecutor(settings.slots, thread_name_prefix="generate")
        self._feeds: set[_ChunkFeed] = set()
        try:
            self._engine = xllamacpp.Server(_parameters(path, model_id, settings))
        except RuntimeError as error:
            raise ModelError(f"{path} could not be loaded: {error}") from error

    def check(self, request: ChatRequest) -> None:
        """Refuse parameters that the engine would ignore."""
        refuse(request, _REFUSED, self.id)
        if (request.token_limit or 0) > self._context_tokens:
            name = request.name_of("max_completion_tokens" if request.max_completion_tokens else "max_tokens")
            raise ApiError(
                400,
                f"{name} must be at most {self._context_tokens}, the model's context, got {request.token_limit}",
                param=name,
                code="invalid_value",
            )
        for index, message in enumerate(request.messages):
            if message.role == "tool" or message.tool_calls or message.function_call:
                param = request.name_of(f"messages.{index}")
                raise ApiError(400, f"the model {self.id} knows no tools", param=param)

    async def generate(self, request: ChatRequest, choice: int) -> AsyncGenerator[Piece, None]:
        """Yield the answer, token by token; closing the generator stops the engine at the next token."""
        feed = _ChunkFeed()
        self._feeds.add(feed)
        body = self._body(request, choice)
        work = asyncio.get_running_loop().run_in_executor(self._threads, feed.fill, self._engine, body)
        finish_reason = "stop"
        try:
            while (chunk := await feed.get()) is not None:
                _raise_error(chunk)
                for part in chunk["choices"]:
                    finish_reason = part["finish_reason"] or finish_reason
                    if text := part["delta"].get("content"):
                        yield Delta(text, tokens=_tokens(part, request.top_logprobs or 0))
                if usage := chunk.get("usage"):
                    yield End(finish_reason, _counts(usage))
            await work
        finally:
            feed.stop()
            self._feeds.discard(feed)

    def close(self) -> None:
        """Stop all answers at the next token."""
        for feed in self._feeds:
            feed.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _body(self, request: ChatRequest, choice: int) -> dict[str, Any]:
        body: dict[str, Any] = {
            "messages": [
                {"role": "system" if message.role == "developer" else message.role, "content": message.text}
                for message in request.messages
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": request.token_limit or min(self._default_max_tokens, self._context_tokens),
            "stop": request.stop_sequences,
        }
        body |= {name: getattr(request, name) for name in _SAMPLING if getattr(request, name) is not None}
        if request.logprobs:
            # with 0 likeliest tokens, the token itself would be missing too
            body |= {"logprobs": True, "top_logprobs": request.top_logprobs or 1}
        if request.seed is not None:
            body["seed"] = (request.seed + choice) % (1 << 32)  # with one seed, all choices would be the same
        return body


def load(settings: ServeSettings) -> LlamaModel:
    """Return the model of the settings: a file of the user, else SmolLM2-135M-Instruct.

    Raises:
        ModelError: the file is missing or wrong, or cannot be fetched or loaded.
    """
    if settings.model is not None:
        check_gguf(settings.model)
        return LlamaModel(settings.model, _model_id(settings.model), settings)
    return LlamaModel(ensure_weights(cache_folder()), "smollm2-135m-instruct", settings)


class _ChunkFeed:
    """The chunks of one answer, from the engine in a thread to the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._stopped = threading.Event()

    async def get(self) -> dict[str, Any] | None:
        """Return the next chunk; None after the last chunk."""
        return await self._chunks.get()

    def stop(self) -> None:
        """Let the engine stop at the next token."""
        self._stopped.set()

    def fill(self, engine: Any, body: dict[str, Any]) -> None:
        """Run the request; called in a thread."""
        try:
            if not self._stopped.is_set():
                engine.handle_chat_completions(body, self._put)
        finally:
            self._put(None)

    def _put(self, chunk: dict[str, Any] | None) -> bool:
        """Pass a chunk to the event loop; return True to stop the engine."""
        if not self._stopped.is_set():
            # RuntimeError: the loop is closed, so that nobody waits for this answer
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._chunks.put_nowait, chunk)
        return self._stopped.is_set()


def _parameters(path: Path, model_id: str, settings: ServeSettings) -> Any:
    threads = settings.threads or cpu_count()
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.model_alias = {model_id}  # without an alias, the engine uses the path as the name
    parameters.n_parallel = settings.slots
    parameters.n_ctx = settings.slots * settings.context_tokens
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.cache_ram_mib = 0  # the default keeps up to 8 GiB of old prompts
    # all text is content: also the thinking of a model stays in the answer
    parameters.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
    parameters.verbosity = 1  # errors
    # The engine opens an HTTP port on loopback, which cannot be turned off. A random key that nobody knows
    # closes the port: without a key it would answer any web page, and show the path of the model.
    parameters.api_keys = [secrets.token_urlsafe(32)]
    parameters.cors_origins = ""
    parameters.ui = False
    return parameters


def _raise_error(chunk: dict[str, Any]) -> None:
    error = chunk.get("error")
    if error is None:
        return
    if error["type"] == "exceed_context_size_error":
        raise ApiError(
            400,
            f"the messages have {error['n_prompt_tokens']} tokens, but the model's context holds {error['n_ctx']}",
            param="messages",
            code="context_length_exceeded",
        )
    status = int(error["code"])
    raise ApiError(status, f"the engine refused the request: {error['message']}")


def _tokens(part: dict[str, Any], likeliest: int) -> tuple[Token, ...]:
    said = part.get("logprobs") or {}
    return tuple(
        _token(token, tuple(map(_token, token["top_logprobs"][:likeliest]))) for token in said.get("content") or ()
    )


def _token(said: dict[str, Any], likeliest: tuple[Token, ...] = ()) -> Token:
    return Token(said["token"], bytes(said["bytes"]), said["logprob"], likeliest)


def _counts(usage: dict[str, Any]) -> TokenCounts:
    cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    return TokenCounts(prompt=usage["prompt_tokens"], completion=usage["completion_tokens"], cached=cached)


def _model_id(path: Path) -> str:
    """Return the name of the file without folder and suffix, as one word."""
    return re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-") or "model"

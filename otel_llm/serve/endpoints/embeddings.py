"""POST /v1/embeddings, by the scripted model: vectors made from the words of a text."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request

from otel_llm import names
from otel_llm.serve.endpoints.scripted_endpoint import ScriptedEndpoint, ScriptedReply, json_reply
from otel_llm.serve.http.body import read_json
from otel_llm.serve.models.request import STRICT, parse_as
from otel_llm.serve.models.script import ScriptRule

_DIMENSIONS: Final = 1536  # the dimensions of text-embedding-3-small
_INPUTS: Final = Field(min_length=1, max_length=2048)

Tokens = Annotated[list[int], Field(min_length=1)]


class EmbeddingsRequest(BaseModel):
    """The body of a request.

    Source: the OpenAI API reference, "Create embeddings", read in November 2026.
    """

    model_config = STRICT

    model: str
    input: (
        Annotated[str, Field(min_length=1)]
        | Annotated[list[Annotated[str, Field(min_length=1)]], _INPUTS]
        | Annotated[list[int], _INPUTS]
        | Annotated[list[Tokens], _INPUTS]
    )
    dimensions: Annotated[int, Field(ge=1, le=3072)] | None = None
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None  # no effect

    @property
    def words(self) -> list[list[str]]:
        """The words of each input; each token counts as a word."""
        if isinstance(self.input, str):
            return [self.input.split()]
        if isinstance(self.input[0], int):
            return [[str(token) for token in self.input]]
        return [text.split() if isinstance(text, str) else [str(token) for token in text] for text in self.input]

    @property
    def text(self) -> str:
        """All inputs, one line each."""
        return "\n".join(" ".join(words) for words in self.words)


class Embeddings(ScriptedEndpoint[EmbeddingsRequest]):
    """The endpoint."""

    operation: ClassVar[str] = names.EMBEDDINGS

    async def read(self, request: Request, limit_bytes: int) -> EmbeddingsRequest:
        """Return the request in the body."""
        return parse_as(EmbeddingsRequest, await read_json(request, limit_bytes))

    def reply(self, asked: EmbeddingsRequest, rule: ScriptRule) -> ScriptedReply:
        """Return the vectors."""
        inputs = asked.words
        tokens = rule.usage.prompt_tokens
        if tokens is None:
            tokens = sum(map(len, inputs))
        return json_reply(
            {
                "object": "list",
                "data": [_embedding(index, words, asked) for index, words in enumerate(inputs)],
                "model": asked.model,
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            }
        )


def vector(words: list[str], dimensions: int) -> list[float]:
    """Return a vector of length 1, the sum of one vector per word: texts that share words are similar."""
    total = [0.0] * dimensions
    for word in words or [""]:
        digest = hashlib.shake_256(word.lower().encode()).digest(dimensions)
        total = [value + byte - 127.5 for value, byte in zip(total, digest, strict=True)]
    norm = math.hypot(*total)
    return [value / norm for value in total]


def _embedding(index: int, words: list[str], asked: EmbeddingsRequest) -> dict[str, Any]:
    values = vector(words, asked.dimensions or _DIMENSIONS)
    packed = struct.pack(f"<{len(values)}f", *values)
    written: Any = values
    if asked.encoding_format == "base64":
        written = base64.b64encode(packed).decode()
    return {"object": "embedding", "index": index, "embedding": written}

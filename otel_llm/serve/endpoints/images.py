"""POST /v1/images/generations, /edits and /variations, by the scripted model: small valid PNGs."""

from __future__ import annotations

import base64
import re
import time
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from otel_llm import names
from otel_llm.serve.endpoints.drawing import colour_of, png
from otel_llm.serve.endpoints.scripted_endpoint import ScriptedEndpoint, ScriptedReply, event_reply, json_reply
from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.http.body import UploadedFile, read_form, read_json
from otel_llm.serve.models.request import STRICT, parse_as
from otel_llm.serve.models.script import ScriptRule

_INPUT_TOKENS: Final = 64  # tokens of each input image, whatever its size
_OUTPUT_TOKENS: Final = 272  # OpenAI image generation guide: a square of low quality from gpt-image-1
_DRAWN: Final = {"background": "opaque", "output_format": "png", "quality": "low", "size": "1024x1024"}
_COLOUR: Final = re.compile("[0-9a-f]{6}")

Uploads = UploadedFile | list[UploadedFile]


class ImageOptions(BaseModel):
    """The fields of all three requests. All images are small square PNGs, whatever the request asks for.

    Source: the OpenAI API reference, "Create image", "Create image edit" and "Create image variation", read in
    November 2026.
    """

    model_config = STRICT

    model: str | None = None
    n: Annotated[int, Field(ge=1, le=10)] | None = None
    response_format: Literal["url", "b64_json"] | None = None
    size: str | None = None
    user: str | None = None


class PromptedOptions(ImageOptions):
    """The further fields of a generation and an edit."""

    prompt: Annotated[str, Field(min_length=1)]
    stream: bool | None = None
    partial_images: Annotated[int, Field(ge=0, le=3)] | None = None
    output_format: Literal["png"] | None = None
    background: Literal["transparent", "opaque", "auto"] | None = None
    quality: str | None = None
    output_compression: int | None = None


class GenerationBody(PromptedOptions):
    """The body of a generation."""

    moderation: Literal["low", "auto"] | None = None
    style: Literal["vivid", "natural"] | None = None


class EditBody(PromptedOptions):
    """The form of an edit."""

    image: Uploads
    mask: UploadedFile | None = None
    input_fidelity: Literal["high", "low"] | None = None


class VariationBody(ImageOptions):
    """The form of a variation."""

    image: UploadedFile


class ImageTask(BaseModel):
    """The task of a generation, an edit or a variation."""

    model_config = STRICT

    model: str | None
    options: ImageOptions
    text: str
    """The prompt; for a variation, which has no prompt, the name of the file."""
    base_url: str
    words: int = 0
    images: int = 0
    """Number of input images."""
    stream: bool = False
    partial_images: int = 0


class _Images(ScriptedEndpoint[ImageTask]):
    """Draws the images."""

    event: ClassVar[str] = "image_generation"

    def reply(self, asked: ImageTask, rule: ScriptRule) -> ScriptedReply:
        """Return the images, as one object or as events."""
        usage = _usage(asked, rule)
        if asked.stream:
            return event_reply(self._events(asked, usage))
        as_url = asked.options.response_format == "url"
        colours = [colour_of(asked.text, number) for number in range(asked.options.n or 1)]
        images: list[dict[str, Any]] = [
            {"url": f"{asked.base_url}images/{colour}.png"} if as_url else {"b64_json": _b64(colour)}
            for colour in colours
        ]
        answer = {"created": int(time.time()), "data": images}
        # models that answer with URLs are priced per image, and report no tokens
        return json_reply(answer if as_url else {**answer, **_DRAWN, "usage": usage})

    def _events(self, asked: ImageTask, usage: dict[str, Any]) -> list[dict[str, Any]]:
        common = {**_DRAWN, "created_at": int(time.time()), "b64_json": _b64(colour_of(asked.text))}
        partial = [
            {"type": f"{self.event}.partial_image", "partial_image_index": index, **common}
            for index in range(asked.partial_images)
        ]
        return [*partial, {"type": f"{self.event}.completed", **common, "usage": usage}]


class ImageGenerations(_Images):
    """The endpoint of generations."""

    operation: ClassVar[str] = names.GENERATE_IMAGE

    async def read(self, request: Request, limit_bytes: int) -> ImageTask:
        """Return the task in the body."""
        return _prompted(parse_as(GenerationBody, await read_json(request, limit_bytes)), request, images=0)


class ImageEdits(_Images):
    """The endpoint of edits."""

    operation: ClassVar[str] = names.EDIT_IMAGE
    event: ClassVar[str] = "image_edit"

    async def read(self, request: Request, limit_bytes: int) -> ImageTask:
        """Return the task in the form."""
        body = parse_as(EditBody, await read_form(request, limit_bytes))
        images = len(body.image) if isinstance(body.image, list) else 1
        return _prompted(body, request, images=images + (body.mask is not None))


class ImageVariations(_Images):
    """The endpoint of variations."""

    operation: ClassVar[str] = names.VARY_IMAGE

    async def read(self, request: Request, limit_bytes: int) -> ImageTask:
        """Return the task in the form."""
        body = parse_as(VariationBody, await read_form(request, limit_bytes))
        base_url = str(request.base_url)
        return ImageTask(model=body.model, options=body, text=body.image.name, base_url=base_url, images=1)


async def show_image(request: Request) -> Response:
    """Return the image that a URL of an answer names."""
    colour = request.path_params["colour"]
    if not _COLOUR.fullmatch(colour):
        return ApiError(404, f"there is no image {colour[:80]!r} here").response()
    return Response(png(colour), media_type="image/png")


def _prompted(body: PromptedOptions, request: Request, *, images: int) -> ImageTask:
    return ImageTask(
        model=body.model,
        options=body,
        text=body.prompt,
        words=len(body.prompt.split()),
        base_url=str(request.base_url),
        images=images,
        stream=bool(body.stream),
        partial_images=body.partial_images or 0,
    )


def _usage(asked: ImageTask, rule: ScriptRule) -> dict[str, Any]:
    counts = rule.usage
    image_tokens = counts.prompt_image_tokens or asked.images * _INPUT_TOKENS
    asked_tokens = asked.words + image_tokens if counts.prompt_tokens is None else counts.prompt_tokens
    image_tokens = min(image_tokens, asked_tokens)
    drawn_tokens = (asked.options.n or 1) * _OUTPUT_TOKENS
    if counts.completion_tokens is not None:
        drawn_tokens = counts.completion_tokens
    return {
        "input_tokens": asked_tokens,
        "input_tokens_details": {"text_tokens": asked_tokens - image_tokens, "image_tokens": image_tokens},
        "output_tokens": drawn_tokens,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": drawn_tokens},
        "total_tokens": asked_tokens + drawn_tokens,
    }


def _b64(colour: str) -> str:
    return base64.b64encode(png(colour)).decode()

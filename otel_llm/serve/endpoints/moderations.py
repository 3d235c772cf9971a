"""POST /v1/moderations, by the scripted model: a category is flagged if the rule's answer names it."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request

from otel_llm import names
from otel_llm.serve.endpoints.scripted_endpoint import ScriptedEndpoint, ScriptedReply, json_reply
from otel_llm.serve.http.body import read_json
from otel_llm.serve.models.request import STRICT, parse_as
from otel_llm.serve.models.script import ScriptRule
from otel_llm.serve.models.scripted import ScriptedModel

CATEGORIES: Final = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
_FLAGGED, _CLEAN = 0.98, 0.0001


class TextInput(BaseModel):
    """An input that is a text."""

    model_config = STRICT

    type: Literal["text"]
    text: str


class ImageUrl(BaseModel):
    """The URL of an image, which may be a data URL."""

    model_config = STRICT

    url: str


class ImageInput(BaseModel):
    """An input that is an image."""

    model_config = STRICT

    type: Literal["image_url"]
    image_url: ImageUrl


class ModerationRequest(BaseModel):
    """The body of a request.

    Source: the OpenAI API reference, "Create moderation", read in November 2026.
    """

    model_config = STRICT

    model: str | None = None
    input: str | list[str] | list[Annotated[TextInput | ImageInput, Field(discriminator="type")]]

    @property
    def texts(self) -> list[str]:
        """The texts that get one result each; parts of several kinds together get one result."""
        if isinstance(self.input, str):
            return [self.input]
        texts = [each for each in self.input if isinstance(each, str)]
        return texts or ["\n".join(each.text for each in self.input if isinstance(each, TextInput))]

    @property
    def text(self) -> str:
        """All texts, one line each."""
        return "\n".join(self.texts)


class Moderations(ScriptedEndpoint[ModerationRequest]):
    """The endpoint."""

    operation: ClassVar[str] = names.MODERATE_CONTENT

    async def read(self, request: Request, limit_bytes: int) -> ModerationRequest:
        """Return the request in the body."""
        return parse_as(ModerationRequest, await read_json(request, limit_bytes))

    def reply(self, asked: ModerationRequest, rule: ScriptRule) -> ScriptedReply:
        """Return one result for each text."""
        return json_reply(
            {
                "id": f"modr-{secrets.token_hex(12)}",
                "model": asked.model or ScriptedModel.id,
                "results": [_result(rule) for _ in asked.texts],
            }
        )


def _result(rule: ScriptRule) -> dict[str, Any]:
    named = rule.text.replace(",", " ").split()
    flagged = {category: category in named for category in CATEGORIES}
    return {
        "flagged": any(flagged.values()),
        "categories": flagged,
        "category_scores": {category: _FLAGGED if flagged[category] else _CLEAN for category in CATEGORIES},
        "category_applied_input_types": {category: ["text"] for category in CATEGORIES},
    }

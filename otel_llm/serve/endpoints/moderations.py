"""POST /v1/moderations, by the scripted model: a category is flagged where the rule's answer names it."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request

from otel_llm import names
from otel_llm.serve.endpoints.scripted_endpoint import Reply, ScriptedEndpoint, json_reply
from otel_llm.serve.http.body import read_json
from otel_llm.serve.models.request import STRICT, parse_as
from otel_llm.serve.models.script import Rule
from otel_llm.serve.models.scripted import ScriptedModel

CATEGORIES: Final = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
_FLAGGED, _CLEAN = 0.98, 0.0001


class TextInput(BaseModel):
    """A text among the inputs."""

    model_config = STRICT

    type: Literal["text"]
    text: str


class ImageUrl(BaseModel):
    """Where an image is, or the image itself, as a data URL."""

    model_config = STRICT

    url: str


class ImageInput(BaseModel):
    """An image among the inputs."""

    model_config = STRICT

    type: Literal["image_url"]
    image_url: ImageUrl


class ModerationRequest(BaseModel):
    """The body.

    Source: the OpenAI API reference, "Create moderation", read in November 2026.
    """

    model_config = STRICT

    model: str | None = None
    input: str | list[str] | list[Annotated[TextInput | ImageInput, Field(discriminator="type")]]

    @property
    def texts(self) -> list[str]:
        """The texts that are judged one by one; parts of several kinds are judged together."""
        if isinstance(self.input, str):
            return [self.input]
        texts = [each for each in self.input if isinstance(each, str)]
        return texts or ["\n".join(each.text for each in self.input if isinstance(each, TextInput))]

    @property
    def text(self) -> str:
        """All texts, a line each."""
        return "\n".join(self.texts)


class Moderations(ScriptedEndpoint[ModerationRequest]):
    """The endpoint."""

    operation: ClassVar[str] = names.MODERATE_CONTENT

    async def read(self, request: Request, limit_bytes: int) -> ModerationRequest:
        """Return the request in its body."""
        return parse_as(ModerationRequest, await read_json(request, limit_bytes))

    def reply(self, asked: ModerationRequest, rule: Rule) -> Reply:
        """Return one result for each text."""
        return json_reply(
            {
                "id": f"modr-{secrets.token_hex(12)}",
                "model": asked.model or ScriptedModel.id,
                "results": [_result(rule) for _ in asked.texts],
            }
        )


def _result(rule: Rule) -> dict[str, Any]:
    named = rule.text.replace(",", " ").split()
    flagged = {category: category in named for category in CATEGORIES}
    return {
        "flagged": any(flagged.values()),
        "categories": flagged,
        "category_scores": {category: _FLAGGED if flagged[category] else _CLEAN for category in CATEGORIES},
        "category_applied_input_types": {category: ["text"] for category in CATEGORIES},
    }

"""The request of the Responses API, checked, and converted into a chat request."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, model_validator

from otel_llm.serve.models.request import STRICT, ChatMessage, ChatRequest

_NAMES: Final = {
    "messages": "input",
    "max_completion_tokens": "max_output_tokens",
    "response_format": "text.format",
    "verbosity": "text.verbosity",
    "reasoning_effort": "reasoning.effort",
}


class InputContent(BaseModel):
    """One part of a message. Images, audio and files are refused, for no model reads them."""

    model_config = STRICT

    type: Literal["input_text", "output_text", "refusal"]
    text: str = ""
    refusal: str = ""
    annotations: list[dict[str, Any]] | None = None
    logprobs: list[dict[str, Any]] | None = None


class InputItem(BaseModel):
    """One item of the input: a message, or an item that a client sends back from an earlier response."""

    model_config = STRICT

    type: Literal[
        "message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output",
        "reasoning", "item_reference",
    ] = "message"  # fmt: skip
    id: str | None = None
    status: str | None = None
    # fields of a message
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[InputContent] | None = None
    phase: str | None = None
    # fields of a tool call and its output
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: str | list[InputContent] | None = None
    # fields of reasoning
    summary: list[dict[str, Any]] | None = None
    encrypted_content: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> InputItem:
        if self.type == "message" and (self.role is None or self.content is None):
            raise ValueError("a message needs role and content")
        return self

    def message(self) -> ChatMessage | None:
        """Return the item as a chat message; None for items that chats do not have."""
        if self.type == "message":
            return ChatMessage(role=self.role or "user", content=_text(self.content))
        if self.type in {"function_call", "custom_tool_call"}:
            arguments = self.arguments if self.type == "function_call" else self.input
            call = {"id": self.call_id, "function": {"name": self.name, "arguments": arguments}}
            return ChatMessage(role="assistant", tool_calls=[call])
        if self.type in {"function_call_output", "custom_tool_call_output"}:
            return ChatMessage(role="tool", content=_text(self.output), tool_call_id=self.call_id)
        return None


class Text(BaseModel):
    """Options of the text."""

    model_config = STRICT

    format: dict[str, Any] | None = None
    verbosity: str | None = None


class Reasoning(BaseModel):
    """Options of reasoning."""

    model_config = STRICT

    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class ConversationId(BaseModel):
    """The conversation that a response belongs to."""

    model_config = STRICT

    id: str


class ResponsesStreamOptions(BaseModel):
    """Options of a streamed response."""

    model_config = STRICT

    include_obfuscation: bool = False
    """No effect; a hosted service pads its events against eavesdropping."""


class ResponsesRequest(BaseModel):
    """The body of POST /v1/responses.

    Source: the OpenAI API reference, "Create a model response", read in November 2026.
    """

    model_config = STRICT

    model: str
    input: str | Annotated[list[InputItem], Field(min_length=1)]
    instructions: str | None = None
    stream: bool | None = None
    stream_options: ResponsesStreamOptions | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    text: Text | None = None
    reasoning: Reasoning | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None
    conversation: str | ConversationId | None = None

    # no effect on the answer
    metadata: dict[str, str] | None = None
    service_tier: Literal["auto", "default"] | None = None
    store: bool | None = None
    background: Literal[False] | None = None
    include: list[str] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    max_tool_calls: int | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None

    @property
    def conversation_id(self) -> str | None:
        """The id of the conversation; None without one."""
        return self.conversation.id if isinstance(self.conversation, ConversationId) else self.conversation

    def chat(self) -> AskedChat:
        """Return the chat request with the same meaning."""
        items = [InputItem(role="user", content=self.input)] if isinstance(self.input, str) else self.input
        messages = [message for item in items if (message := item.message()) is not None]
        if self.instructions is not None:
            messages.insert(0, ChatMessage(role="system", content=self.instructions))
        text, reasoning = self.text or Text(), self.reasoning or Reasoning()
        return AskedChat(
            model=self.model,
            messages=messages or [ChatMessage(role="user", content="")],
            stream=self.stream,
            max_completion_tokens=self.max_output_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            tools=self.tools,
            tool_choice=self.tool_choice,
            parallel_tool_calls=self.parallel_tool_calls,
            response_format=text.format,
            verbosity=text.verbosity,
            reasoning_effort=reasoning.effort,
            previous_response_id=self.previous_response_id,
            conversation=self.conversation_id,
        )


class AskedChat(ChatRequest):
    """A chat request made from a request of the Responses API."""

    previous_response_id: str | None = None
    conversation: str | None = None

    def name_of(self, field: str) -> str:
        """Return the client's name of a field; for items of the input, without the index."""
        return _NAMES.get(field.partition(".")[0], field)


def _text(content: str | list[InputContent] | None) -> str:
    if isinstance(content, list):
        return "\n".join(part.text or part.refusal for part in content)
    return content or ""

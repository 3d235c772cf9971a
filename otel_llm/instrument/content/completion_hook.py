"""Third-party hooks that get each call's content, from the entry points `opentelemetry_genai_completion_hook`.

The interface is that of opentelemetry-util-genai (1.3b0). This module makes the package's objects from our parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from importlib.metadata import entry_points
from typing import Any, Final

from opentelemetry._logs import LogRecord
from opentelemetry.trace import Span

from otel_llm import names
from otel_llm.instrument.guard import log

Hook = Callable[[Mapping[str, list[dict[str, Any]]], Span, LogRecord | None], None]
"""Takes content by attribute name, and the span and log record that are emitted with the content."""

GROUP: Final = "opentelemetry_genai_completion_hook"


def load_hook(name: str) -> Hook | None:
    """Return the hook with this name. None, with a line in the log, means that no such hook works."""
    try:
        from opentelemetry.util.genai import types  # noqa: PLC0415 - of another distribution, which the hook needs

        (entry_point,) = entry_points(group=GROUP, name=name)
        hook = entry_point.load()()
    except Exception as error:
        log.warning(
            "otel-llm: OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK must be upload, or an entry point of the group "
            "%s, got %r, which cannot be loaded: %s: %s",
            GROUP,
            name,
            type(error).__name__,
            error,
        )
        return None

    def call(content: Mapping[str, list[dict[str, Any]]], span: Span, log_record: LogRecord | None) -> None:
        hook.on_completion(
            inputs=[_message(item, types.InputMessage, types) for item in content.get(names.INPUT_MESSAGES, ())],
            outputs=[
                _message(item, types.OutputMessage, types) for item in content.get(names.OUTPUT_MESSAGES, ())
            ],
            system_instruction=[_part(part, types) for part in content.get(names.SYSTEM_INSTRUCTIONS, ())],
            tool_definitions=[_tool(tool, types) for tool in content.get(names.TOOL_DEFINITIONS, ())],
            span=span,
            log_record=log_record,
        )

    return call


def _message(message: Mapping[str, Any], kind: Any, types: Any) -> Any:
    return _made(kind, {**message, "parts": [_part(part, types) for part in message["parts"]]})


def _part(part: Mapping[str, Any], types: Any) -> Any:
    kinds = {
        "text": types.TextPart,
        "reasoning": types.ReasoningPart,
        "tool_call": types.ToolCallRequestPart,
        "tool_call_response": types.ToolCallResponsePart,
        "server_tool_call": types.ServerToolCallPart,
        "server_tool_call_response": types.ServerToolCallResponsePart,
        "file": types.FilePart,
        "uri": types.UriPart,
    }
    return _made(kinds.get(part["type"], types.GenericPart), part)


def _tool(tool: Mapping[str, Any], types: Any) -> Any:
    return _made(types.FunctionToolDefinition if tool["type"] == "function" else types.GenericToolDefinition, tool)


def _made(kind: Any, values: Mapping[str, Any]) -> Any:
    """Return an object of the package's class. A value without a field of the class is set as an attribute too."""
    known = {field.name: values.get(field.name) for field in fields(kind)}
    made = kind(**known)
    vars(made).update({key: value for key, value in values.items() if key not in known})
    return made

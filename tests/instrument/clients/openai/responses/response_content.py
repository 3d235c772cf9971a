"""Content of the Responses API as it is recorded, checked against the conventions' schema."""

import json
from pathlib import Path

import jsonschema

from otel_llm import names

SCHEMAS = json.loads((Path(__file__).parents[3] / "content" / "schemas" / "content.json").read_text())
ROOTS = {
    names.INPUT_MESSAGES: "InputMessages",
    names.OUTPUT_MESSAGES: "OutputMessages",
    names.SYSTEM_INSTRUCTIONS: "SystemInstructions",
    names.TOOL_DEFINITIONS: "ToolDefinitions",
}


def content(exported, name):
    """Return content of the one span, which is of the conventions' schema."""
    return of_schema(json.loads(exported.span.attributes[name]), name)


def of_schema(items, name):
    jsonschema.validate(items, {**SCHEMAS, "$ref": f"#/$defs/{ROOTS[name]}"})
    return items


def answered(exported):
    (said,) = content(exported, names.OUTPUT_MESSAGES)
    assert said["role"] == "assistant"
    return said["parts"], said["finish_reason"]

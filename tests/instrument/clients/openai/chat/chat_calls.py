"""How chat completions are asked, and what their spans say of the answers."""

import json

import openai
from in_process import client_for
from pydantic import BaseModel

from otel_llm import names


class Plan(BaseModel):
    city: str
    days: int


class City(BaseModel):
    city: str


WEATHER = openai.pydantic_function_tool(Plan, name="weather")


def asking(question):
    return {"model": "scripted", "messages": [{"role": "user", "content": question}]}


def answers(exported):
    said = json.loads(exported.span.attributes[names.OUTPUT_MESSAGES])
    assert {message["role"] for message in said} == {"assistant"}
    return [(message["parts"], message["finish_reason"]) for message in said]


def finish_reasons(exported):
    return exported.span.attributes[names.RESPONSE_FINISH_REASONS]


def call(call_id, name, arguments):
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def streamed(*chunks):
    """Read a stream of these chunks to its end."""
    list(client_for(list(chunks)).chat.completions.create(**asking("odd"), stream=True))

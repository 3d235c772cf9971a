"""The same four calls of OpenAI's client for every library that patches it."""

import json

import openai

SYSTEM = {"role": "system", "content": "Be brief."}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
TOOL_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": json.dumps({"city": "Paris"})},
}


def client() -> openai.OpenAI:
    """Return a client of the server that OPENAI_BASE_URL names."""
    return openai.OpenAI(max_retries=0)


def make_calls() -> None:
    """Make a whole call, a streamed one, one with tools on both sides, and one that fails."""
    chat = client().chat.completions
    chat.create(
        model="scripted",
        messages=[SYSTEM, {"role": "user", "content": "What is the capital of France?"}],
        user="user-1",
    )
    stream = chat.create(
        model="scripted",
        messages=[{"role": "user", "content": "What is the capital of France?"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    for _ in stream:
        pass
    chat.create(
        model="scripted",
        messages=[
            {"role": "user", "content": "Weather in Paris?"},
            {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "rainy, 57F"},
            {"role": "user", "content": [{"type": "text", "text": "And in Berlin?"}]},
        ],
        tools=[WEATHER],
    )
    try:
        chat.create(model="scripted", messages=[{"role": "user", "content": "Be overloaded."}])
    except openai.RateLimitError:
        return
    raise AssertionError("the server was to refuse this call")


def answer(document: str) -> None:
    """Ask about llamas, as an application does that has retrieved a document."""
    client().chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": f"What is a llama? Use this: {document}"}]
    )

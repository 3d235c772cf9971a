"""LiteLLM with its callback for OpenTelemetry."""

import litellm

litellm.callbacks = ["otel"]
ARGUMENTS = {
    "model": "openai/scripted",
    "num_retries": 0,
    "user": "user-1",
    "input_cost_per_token": 1e-6,
    "output_cost_per_token": 2e-6,
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather.",
        "parameters": {"type": "object", "properties": {}},
    },
}

litellm.completion(
    messages=[
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is the capital of France?"},
    ],
    metadata={"session_id": "session-1"},
    **ARGUMENTS,
)
for _ in litellm.completion(
    messages=[{"role": "user", "content": "What is the capital of France?"}],
    stream=True,
    stream_options={"include_usage": True},
    **ARGUMENTS,
):
    pass
litellm.completion(
    messages=[
        {"role": "user", "content": "Weather in Paris?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "rainy, 57F"},
        {"role": "user", "content": "And in Berlin?"},
    ],
    tools=[WEATHER],
    **ARGUMENTS,
)
try:
    litellm.completion(messages=[{"role": "user", "content": "Be overloaded."}], **ARGUMENTS)
except litellm.RateLimitError:
    pass
else:
    raise AssertionError("the server was to refuse this call")

"""A conversation with parts of all kinds, as an app sends it and in the conventions' schema."""

# printf '\x89PNG\r' | sha256sum; printf RIFF | sha256sum
PNG = "nih:sha-256;a8eb710131695aa6b6463346898b51a4d751c1f5771f367f55a0bb52dd9a7e32"
WAV = "nih:sha-256;a40ff3d5900fb7698b8c865041347cb49eccedc8f93945f89629ad104aaecce4"
TALK = [
    {"role": "developer", "content": "Be brief."},
    {
        "role": "user",
        "name": "ann",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}},
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        ],
    },
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call-1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Graz"}'}},
            {"id": "call-2", "type": "function", "function": {"name": "weather", "arguments": "{not JSON"}},
        ],
    },
    {"role": "tool", "tool_call_id": "call-1", "content": "Rain."},
    {"role": "assistant", "refusal": "I will not."},
]
TALK_IN_SCHEMA = [
    {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
    {
        "role": "user",
        "name": "ann",
        "parts": [
            {"type": "text", "content": "What is this?"},
            {"type": "uri", "modality": "image", "uri": "https://example.com/cat.png"},
            {"type": "uri", "modality": "image", "mime_type": "image/png", "uri": PNG, "byte_size": 5},
            {"type": "uri", "modality": "audio", "mime_type": "audio/wav", "uri": WAV, "byte_size": 4},
        ],
    },
    {
        "role": "assistant",
        "parts": [
            {"type": "tool_call", "id": "call-1", "name": "weather", "arguments": {"city": "Graz"}},
            {"type": "tool_call", "id": "call-2", "name": "weather", "arguments": "{not JSON"},
        ],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call-1", "response": "Rain."}]},
    {"role": "assistant", "parts": [{"type": "text", "content": "I will not.", "refusal": True}]},
]


def ask(client, messages=TALK, model="gpt-4o-mini", **options):
    return client.chat.completions.create(model=model, messages=messages, **options)

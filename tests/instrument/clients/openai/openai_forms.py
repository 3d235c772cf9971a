"""All forms of a call of the openai client: the rows of a table in docs/instrument.md."""

import openai
from form import Form, streamed
from form_reading import block, lines, raw, raw_stream, stream
from openai_asks import chat, complete, draw, hear, respond, say, turn
from pydantic import BaseModel

HASH = "nih:sha-256;"
USAGE = {"stream_options": {"include_usage": True}}


class Plan(BaseModel):
    city: str
    days: int


WEATHER = openai.pydantic_function_tool(Plan, name="weather")
AS_PLAN = {"type": "json_schema", "json_schema": {"name": "plan", "schema": Plan.model_json_schema()}}


CHAT = (
    Form(label="`chat.completions.create`", ask=chat),
    Form(
        label="`chat.completions.create(stream=True)`",
        ask=lambda client, question: chat(client, question, stream=True, **USAGE),
        **streamed(stream),
    ),
    Form(
        label="`chat.completions.parse`",
        ask=lambda client, question: chat(client, question, "parse", response_format=Plan),
        question="plan",
        said="Graz",
    ),
    Form(
        label="`chat.completions.stream`",
        ask=lambda client, question: chat(client, question, "stream", **USAGE),
        **streamed(block),
    ),
    Form(
        label="`chat.completions.with_raw_response`",
        ask=lambda client, question: chat(client, question, "with_raw_response.create"),
        read=raw,
    ),
    Form(
        label="`chat.completions.with_raw_response`, a stream",
        ask=lambda client, question: chat(client, question, "with_raw_response.create", stream=True, **USAGE),
        **streamed(raw_stream),
    ),
    Form(
        label="`chat.completions.with_streaming_response`",
        ask=lambda client, question: chat(client, question, "with_streaming_response.create"),
        read=lines,
    ),
    Form(
        label="`chat.completions.with_streaming_response`, a stream",
        ask=lambda client, question: chat(
            client, question, "with_streaming_response.create", stream=True, **USAGE
        ),
        **streamed(lines),
    ),
    Form(
        label="`with_options(…).chat.completions.create`",
        ask=lambda client, question: chat(client.with_options(timeout=30), question),
    ),
    Form(
        label="chat with tools",
        ask=lambda client, question: chat(client, question, tools=[WEATHER]),
        question="weather",
        said='"name": "weather"',
        finish=("tool_call",),
    ),
    Form(
        label="chat with structured output",
        ask=lambda client, question: chat(client, question, response_format=AS_PLAN),
        question="plan",
        said="Graz",
    ),
    Form(label="chat with a refusal", ask=chat, question="evil", said="I will not."),
    Form(
        label="chat with `n=2`",
        ask=lambda client, question: chat(client, question, n=2),
        tokens=(20, 6),
        finish=("stop", "stop"),
    ),
    Form(label="chat of `AzureOpenAI`", ask=chat, server="azure.ai.openai"),
    Form(label="chat of a compatible server, by `base_url`", ask=chat, server="vllm"),
)

RESPONSES = (
    Form(label="`responses.create`", ask=respond),
    Form(
        label="`responses.create(stream=True)`",
        ask=lambda client, question: respond(client, question, stream=True),
        **streamed(stream),
    ),
    Form(
        label="`responses.parse`",
        ask=lambda client, question: respond(client, question, "parse", text_format=Plan),
        question="plan",
        said="Graz",
    ),
    Form(
        label="`responses.stream`",
        ask=lambda client, question: respond(client, question, "stream"),
        **streamed(block),
    ),
    Form(
        label="`responses.with_streaming_response`, a stream",
        ask=lambda client, question: respond(client, question, "with_streaming_response.create", stream=True),
        **streamed(lines),
    ),
    Form(
        label="`realtime.connect`: a response",
        ask=lambda client, question: (client.realtime.connect(model="scripted"), question),
        error="rate_limit_exceeded",
        retried=False,
        **streamed(turn),
    ),
)

TEXTS = (
    Form(
        label="`completions.create`",
        ask=complete,
        name="text_completion scripted",
    ),
    Form(
        label="`completions.create(stream=True)`",
        ask=lambda client, question: complete(client, question, stream=True, **USAGE),
        name="text_completion scripted",
        **streamed(stream),
    ),
    Form(
        label="`embeddings.create`",
        ask=lambda client, question: client.embeddings.create(model="scripted", input=question),
        name="embeddings scripted",
        tokens=(20, None),
        finish=(),
        said=None,
    ),
    Form(
        label="`moderations.create`",
        ask=lambda client, question: client.moderations.create(model="scripted", input=question),
        name="moderate_content scripted",
        tokens=(None, None),
        finish=(),
        said='"flagged": false',
    ),
    Form(
        label="`batches.create`",
        ask=lambda client, question: client.batches.create(
            input_file_id=question, endpoint="/v1/chat/completions", completion_window="24h"
        ),
        name="create_batch",
        tokens=(None, None),
        finish=(),
        asked=False,
        said=None,
    ),
)

IMAGES = (
    Form(
        label="`images.generate`",
        ask=draw,
        name="generate_image scripted",
        finish=(),
        said=HASH,
    ),
    Form(
        label="`images.generate(stream=True)`",
        ask=lambda client, question: draw(client, question, stream=True, partial_images=2),
        name="generate_image scripted",
        finish=(),
        said=HASH,
        **streamed(stream, after=""),
    ),
    Form(
        label="`images.edit`",
        ask=lambda client, question: client.images.edit(model="scripted", prompt=question, image=b"image"),
        name="edit_image scripted",
        finish=(),
        said=HASH,
    ),
    Form(
        label="`images.create_variation`",
        ask=lambda client, question: client.images.create_variation(model="scripted", image=(question, b"image")),
        name="vary_image scripted",
        finish=(),
        asked=False,
        said=HASH,
    ),
)

AUDIO = (
    Form(
        label="`audio.speech.create`",
        ask=lambda client, question: say(client.audio.speech.create, question),
        name="generate_speech scripted",
        tokens=(None, None),
        finish=(),
        said=HASH,
    ),
    Form(
        label="`audio.speech.with_streaming_response`, as events",
        ask=lambda client, question: say(
            client.audio.speech.with_streaming_response.create, question, stream_format="sse"
        ),
        name="generate_speech scripted",
        finish=(),
        said=None,
        **streamed(lines, after=""),
    ),
    Form(
        label="`audio.transcriptions.create`",
        ask=lambda client, question: hear(client.audio.transcriptions.create, question),
        name="transcribe_audio scripted",
        finish=(),
    ),
    Form(
        label="`audio.transcriptions.create(stream=True)`",
        ask=lambda client, question: hear(client.audio.transcriptions.create, question, stream=True),
        name="transcribe_audio scripted",
        finish=(),
        **streamed(stream),
    ),
    Form(
        label="`audio.translations.create`",
        ask=lambda client, question: hear(client.audio.translations.create, question),
        name="translate_audio scripted",
        tokens=(None, None),
        finish=(),
    ),
)

FORMS = (*CHAT, *RESPONSES, *TEXTS, *IMAGES, *AUDIO)

"""Calls of the anthropic client in which faults are injected; each returns what the app gets."""

import anthropic
from in_process_anthropic import QUESTION, claude_for_all


def claude_whole():
    return claude_for_all().messages.create(**QUESTION, stop_sequences=["x"], system="Be brief.").model_dump()


def claude_stream():
    return [type(event) for event in claude_for_all().messages.create(**QUESTION, stream=True)]


def claude_helper():
    with claude_for_all().messages.stream(**QUESTION) as helper:
        return helper.get_final_message().model_dump()


def claude_raw():
    response = claude_for_all().messages.with_raw_response.create(**QUESTION)
    return [response.status_code, response.parse().model_dump()]


async def claude_async_stream():
    chunks = await claude_for_all(anthropic.AsyncAnthropic).messages.create(**QUESTION, stream=True)
    return [type(event) async for event in chunks]


CLAUDE_SCENARIOS = (claude_whole, claude_stream, claude_helper, claude_raw, claude_async_stream)

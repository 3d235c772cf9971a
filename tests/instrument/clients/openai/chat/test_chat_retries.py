"""Retries of chat completions: one call, which counts its attempts."""

import asyncio

import openai
import pytest
from chat_calls import asking, finish_reasons
from opentelemetry.trace import StatusCode

from otel_llm import names


@pytest.mark.parametrize(("question", "attempts"), [("flaky once", 2), ("flaky twice", 3)])
def test_retries_are_one_call_that_counts_its_attempts(instrumented, client, question, attempts):
    client.with_options(max_retries=2).chat.completions.create(**asking(question))

    span = instrumented.span
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes[names.REQUEST_ATTEMPTS] == attempts
    assert names.ERROR_TYPE not in span.attributes


def test_retries_before_a_stream_begins_are_counted(instrumented, client):
    list(client.with_options(max_retries=2).chat.completions.create(**asking("flaky stream"), stream=True))

    assert instrumented.span.attributes[names.REQUEST_ATTEMPTS] == 3
    assert finish_reasons(instrumented) == ("stop",)


def test_retries_of_an_asynchronous_call_are_counted(instrumented, async_client):
    async def main():
        async with async_client.with_options(max_retries=2) as client:
            await client.chat.completions.create(**asking("flaky async"))

    asyncio.run(main())
    assert instrumented.span.attributes[names.REQUEST_ATTEMPTS] == 3


def test_a_call_that_fails_at_each_attempt_says_how_many_there_were(instrumented, client):
    with pytest.raises(openai.InternalServerError):
        client.with_options(max_retries=3).chat.completions.create(**asking("outage"))

    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes[names.REQUEST_ATTEMPTS] == 4
    assert span.attributes[names.ERROR_TYPE] == "InternalServerError"


def test_one_attempt_is_not_counted(instrumented, client):
    client.with_options(max_retries=2).chat.completions.create(**asking("count"))

    assert names.REQUEST_ATTEMPTS not in instrumented.span.attributes

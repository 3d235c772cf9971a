"""Functions, coroutine functions and generators in `otel_llm.context`."""

import asyncio

import pytest
from context_calls import ask, users

import otel_llm
from otel_llm.errors import ConfigError


def test_a_decorated_function_makes_its_calls_inside(instrumented, client):
    @otel_llm.context(user="ada")
    def answer(client, *, twice=False):
        "Return an answer."
        return ask(client), twice

    assert answer(client, twice=True)[1] is True
    assert (answer.__name__, answer.__doc__) == ("answer", "Return an answer.")
    ask(client)
    assert users(instrumented) == ["ada", "nobody"]


def test_a_decorated_coroutine_function_makes_its_calls_inside(instrumented, async_client):
    @otel_llm.context(user="ada")
    async def answer(client):
        await asyncio.sleep(0)
        return await ask(client)

    async def main():
        async with async_client as client:
            await asyncio.gather(answer(client), answer(client), ask(client))

    asyncio.run(main())
    assert users(instrumented) == ["ada", "ada", "nobody"]


def test_a_generator_function_cannot_be_decorated():
    async def pieces():
        yield

    def parts():
        yield

    for function in (pieces, parts):
        with pytest.raises(
            ConfigError, match=r"no generator function, got <function .*put `with otel_llm.context"
        ):
            otel_llm.context(user="ada")(function)


def test_a_context_open_around_a_yield_is_the_readers_too_until_it_is_left(instrumented, client):
    def pieces():
        with otel_llm.context(user="ada"):
            yield ask(client)

    with otel_llm.context(user="bob"):
        waiting = pieces()
        next(waiting)
        ask(client)  # ada's, as of every generator in Python: docs/instrument.md says so
        waiting.close()
        ask(client)
        left_open = pieces()
        next(left_open)
    ask(client)  # what the generator left open ends with what is around it
    left_open.close()
    ask(client)

    assert users(instrumented) == ["ada", "ada", "ada", "bob", "nobody", "nobody"]


def test_leaving_in_another_context_changes_nothing_there(instrumented, client):
    inner = otel_llm.context(user="ada")
    asyncio.run(asyncio.to_thread(inner.__enter__))
    inner.__exit__(None, None, None)
    with otel_llm.context(user="bob"):
        inner.__exit__(None, None, None)
        ask(client)

    assert users(instrumented) == ["bob"]

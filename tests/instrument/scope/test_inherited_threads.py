"""`otel_llm.context` in tasks, threads and pools."""

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from context_calls import ask, carried, users

import otel_llm
from otel_llm import names
from otel_llm.instrument.scope.inherited import CallContext


def test_tasks_carry_what_was_set_where_they_were_started(instrumented, async_client):
    async def serve(user, client, entered):
        with otel_llm.context(user=user):
            await entered.wait()  # both are inside before either goes on
            await asyncio.create_task(ask(client))

    async def main():
        async with async_client as client:
            entered = asyncio.Barrier(2)
            await asyncio.gather(serve("ada", client, entered), serve("bob", client, entered))
            await ask(client)

    asyncio.run(main())
    assert users(instrumented) == ["ada", "bob", "nobody"]


def test_one_context_serves_tasks_and_threads_at_once(instrumented, client):
    shared = otel_llm.context(user="ada")
    inside = threading.Barrier(2)

    def serve():
        with shared:
            inside.wait(10)
            with shared:
                ask(client)
            ask(client)
        ask(client)

    pair = [threading.Thread(target=serve) for _ in range(2)]
    for thread in pair:
        thread.start()
    for thread in pair:
        thread.join()

    assert users(instrumented) == ["ada"] * 4 + ["nobody"] * 2


def test_a_function_in_another_thread_of_asyncio_carries_it(instrumented, client):
    async def main():
        with otel_llm.context(user="ada"):
            await asyncio.to_thread(ask, client)
            await asyncio.get_running_loop().run_in_executor(None, ask, client)
        await asyncio.to_thread(ask, client)

    asyncio.run(main())
    assert users(instrumented) == ["ada", "ada", "nobody"]


def started(kind, function):
    """Start a thread of this kind; return what waits for it."""
    thread = threading.Timer(0, function) if kind == "timer" else threading.Thread(target=function)
    thread.start()
    return thread.join


@pytest.mark.parametrize("kind", ["thread", "timer"])
def test_a_thread_carries_what_was_set_where_it_was_started(instrumented, client, kind):
    with otel_llm.context(user="ada"):
        join = started(kind, lambda: ask(client))
    join()
    started(kind, lambda: ask(client))()

    assert users(instrumented) == ["ada", "nobody"]


def test_a_pools_threads_carry_what_was_set_where_the_work_was_handed_in(instrumented, client):
    with ThreadPoolExecutor(max_workers=1) as pool:
        for user in ("ada", "bob"):
            with otel_llm.context(user=user):
                pool.submit(ask, client).result()
        with otel_llm.context(user="eve"):
            list(pool.map(ask, [client]))
        pool.submit(ask, client).result()

    assert users(instrumented) == ["ada", "bob", "eve", "nobody"]


def patched_methods():
    return [
        vars(owner).get(name)
        for owner, name in (
            (threading.Thread, "start"),
            (threading.Thread, "run"),
            (threading.Timer, "start"),
            (threading.Timer, "run"),
            (ThreadPoolExecutor, "submit"),
        )
    ]


def test_uninstrumenting_leaves_threads_as_they_were(instrumented):
    before = patched_methods()
    otel_llm.context(user="ada")
    assert patched_methods() != before
    otel_llm.instrument(content_limit=1000)
    assert patched_methods() != before
    otel_llm.uninstrument()
    assert patched_methods() == before
    otel_llm.context(user="ada")
    otel_llm.uninstrument()
    assert patched_methods() == before


def test_what_somebody_else_put_around_threads_later_stays(instrumented, client, monkeypatch):
    before = threading.Thread.start
    otel_llm.context(user="ada")
    ours = threading.Thread.start

    def theirs(thread):
        ours(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", theirs)
        with otel_llm.context(user="ada"):
            started("thread", lambda: ask(client))()
        otel_llm.uninstrument()
        assert threading.Thread.start is theirs
    threading.Thread.start = before

    assert users(instrumented) == ["ada"]


def test_a_thread_of_a_class_of_its_own_carries_it_too(instrumented, client):
    class Asking(threading.Thread):
        def run(self):
            ask(client)

    with otel_llm.context(user="ada"):
        thread = Asking()
        thread.start()
    thread.join()

    assert users(instrumented) == ["ada"]
    assert "run" not in vars(thread)


def test_a_thread_takes_no_span_along(instrumented, client):
    with (
        instrumented.tracer_provider.get_tracer("app").start_as_current_span("page"),
        otel_llm.context(user="ada"),
    ):
        started("thread", lambda: ask(client))()

    (call,) = [span for span in instrumented.spans if span.name != "page"]
    assert call.parent is None
    assert carried(call) == {names.USER_ID: "ada"}


def test_contexts_of_tasks_long_gone_are_let_go(instrumented):
    turn = otel_llm.context(user="ada", documents=["A page."])
    done = threading.Event()

    def again(turns):
        with turn:
            if turns:
                threading.Timer(0, again, [turns - 1]).start()
            else:
                done.set()

    gc.collect()
    gc.disable()
    try:
        again(60)
        assert done.wait(20)
        assert sum(type(thing) is CallContext for thing in gc.get_objects()) < 10
    finally:
        gc.enable()

"""`otel_llm.context`: what calls inside it carry, and where else that goes."""

import asyncio
import gc
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import openai
import pytest
from in_process import httpx
from opentelemetry.baggage import set_baggage
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

import otel_llm
from otel_llm import names
from otel_llm.errors import ConfigError
from otel_llm.instrument.content.documents import fit_documents
from otel_llm.instrument.scope import scope
from otel_llm.instrument.scope.inherited import CallContext, inherited_attributes

ASK = [{"role": "user", "content": "count"}]
KEYS = {names.USER_ID, names.CONVERSATION_ID, names.PROMPT_NAME, names.PROMPT_VERSION}
TAG = names.TAG_PREFIX


def ask(client, **options):
    return client.chat.completions.create(model="scripted", messages=ASK, **options)


def carried(span):
    """Return the attributes of a span that no call has by itself."""
    return {name: value for name, value in span.attributes.items() if name in KEYS or name.startswith(TAG)}


def users(exported):
    return sorted(span.attributes.get(names.USER_ID, "nobody") for span in exported.spans)


def test_a_call_inside_carries_all_that_is_set(instrumented, client, base_url):
    with otel_llm.context(
        user="ada",
        conversation="c-1",
        prompt=("support", "3"),
        tags={"tier": "gold", "seat": 7, "beta": True, "w": 0.5},
    ):
        answer = ask(client)

    url = urlsplit(base_url)
    attributes = dict(instrumented.span.attributes)
    assert attributes.pop(names.USAGE_COST) == pytest.approx(26e-6)
    assert attributes.pop(names.USAGE_COST_SOURCE) == "own"
    for zero in (names.USAGE_CACHE_READ_INPUT_TOKENS, names.USAGE_REASONING_OUTPUT_TOKENS):
        assert attributes.pop(zero, 0) == 0
    assert attributes == {
        "user.id": "ada",
        "gen_ai.conversation.id": "c-1",
        "gen_ai.prompt.name": "support",
        "gen_ai.prompt.version": "3",
        "otel_llm.tag.tier": "gold",
        "otel_llm.tag.seat": 7,
        "otel_llm.tag.beta": True,
        "otel_llm.tag.w": 0.5,
        names.OPERATION: "chat",
        names.PROVIDER: "openai",
        names.REQUEST_MODEL: "scripted",
        names.SERVER_ADDRESS: url.hostname,
        names.SERVER_PORT: url.port,
        names.RESPONSE_ID: answer.id,
        names.RESPONSE_MODEL: "scripted",
        names.RESPONSE_FINISH_REASONS: ("stop",),
        names.USAGE_INPUT_TOKENS: 20,
        names.USAGE_OUTPUT_TOKENS: 3,
    }


def test_a_call_outside_carries_nothing(instrumented, client):
    with otel_llm.context(user="ada"):
        pass
    ask(client)

    assert carried(instrumented.span) == {}
    assert inherited_attributes(Context()) is None


def test_an_inner_context_adds_to_the_outer_one_and_overrides_it(instrumented, client):
    outer = otel_llm.context(user="ada", prompt=("support", "3"), tags={"tier": "gold", "seat": 7})
    inner = otel_llm.context(user="bob", conversation="c-2", prompt="sales", tags={"tier": "tin"})
    with outer:
        with inner:
            ask(client)
        ask(client)

    first, second = instrumented.spans
    assert carried(first) == {
        names.USER_ID: "bob",
        names.CONVERSATION_ID: "c-2",
        names.PROMPT_NAME: "sales",  # and no version of another prompt
        f"{TAG}tier": "tin",
        f"{TAG}seat": 7,
    }
    assert carried(second) == {
        names.USER_ID: "ada",
        names.PROMPT_NAME: "support",
        names.PROMPT_VERSION: "3",
        f"{TAG}tier": "gold",
        f"{TAG}seat": 7,
    }


def test_no_metric_is_labelled_with_what_is_carried(instrumented, client):
    with otel_llm.context(user="ada", conversation="c-1", prompt="support", tags={"tier": "gold"}):
        ask(client)

    labels = {
        label
        for name in instrumented.metric_names()
        for point in instrumented.points(name)
        for label in point.attributes
    }
    assert labels
    assert not {label for label in labels if label in KEYS or label.startswith(TAG)}


def test_samplers_see_it_and_a_call_that_is_sampled_out_still_counts(exported, client):
    seen = []

    class Drops(Sampler):
        def should_sample(self, *given):
            *_, attributes, _ = given
            seen.append(dict(attributes))
            return SamplingResult(Decision.DROP)

        def get_description(self):
            return "Drops"

    exported.instrument(tracer_provider=TracerProvider(sampler=Drops()), capture_content="SPAN_AND_EVENT")
    with otel_llm.context(user="ada", documents=["A page."]):
        ask(client)

    assert [attributes[names.USER_ID] for attributes in seen] == ["ada"]
    assert exported.spans == []
    assert exported.points(names.OPERATION_DURATION.name)[0].count == 1


def test_a_suppressed_call_carries_nothing_anywhere(instrumented, client):
    with otel_llm.context(user="ada"), suppress_instrumentation():
        ask(client)

    assert instrumented.spans == []


def test_a_failed_call_carries_it_too(instrumented, client):
    with otel_llm.context(user="ada"), pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "rate limit"}])

    assert carried(instrumented.span) == {names.USER_ID: "ada"}


def test_the_apps_exception_passes_through_and_leaves_the_context(instrumented, client):
    with pytest.raises(KeyError), otel_llm.context(user="ada"):
        raise KeyError("the app's own")
    ask(client)

    assert users(instrumented) == ["nobody"]


def test_a_stream_keeps_what_it_had_when_it_was_opened(instrumented, client):
    with otel_llm.context(user="ada"):
        stream = ask(client, stream=True)
    with otel_llm.context(user="bob"):
        list(stream)

    assert users(instrumented) == ["ada"]


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


def test_providers_get_no_baggage_by_requests_that_are_no_calls(instrumented):
    sent = []

    def handler(request):
        headers = {}
        inject(headers)
        sent.append(headers.get("baggage"))
        return httpx.Response(200, json={"object": "list", "data": []})

    http_client = httpx.Client(transport=httpx.MockTransport(handler))
    with otel_llm.context(user="ada"):
        openai.OpenAI(api_key="none", http_client=http_client).models.list()
        headers = {}
        inject(headers)

    assert sent == [None]
    assert headers["baggage"] == "user.id=ada"


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


DOCUMENTS = ["Loans last three weeks.", "A card costs 5 euros."]


def test_documents_are_content_recorded_on_span_and_event_where_it_is_captured(exported, client):
    exported.instrument(capture_content="SPAN_AND_EVENT")
    with otel_llm.context(user="ada", documents=(text for text in DOCUMENTS)):
        ask(client)
        ask(client)

    for span in exported.spans:
        assert json.loads(span.attributes["otel_llm.documents"]) == DOCUMENTS
    for event in exported.logs:
        assert list(event.attributes["otel_llm.documents"]) == DOCUMENTS
        assert event.attributes[names.USER_ID] == "ada"
    assert len(exported.spans) == len(exported.logs) == 2


def test_no_document_is_recorded_without_content(instrumented, client):
    with otel_llm.context(documents=DOCUMENTS):
        ask(client)

    assert names.DOCUMENTS not in instrumented.span.attributes
    assert not instrumented.logs


def test_inner_documents_replace_the_outer_ones(exported, client):
    exported.instrument(capture_content=True)
    with otel_llm.context(documents=DOCUMENTS):
        with otel_llm.context(documents=["Other."]):
            ask(client)
        with otel_llm.context(documents=[]):
            ask(client)
        with otel_llm.context(user="ada"):
            ask(client)

    assert [span.attributes.get(names.DOCUMENTS) for span in exported.spans] == [
        '["Other."]',
        None,
        json.dumps(DOCUMENTS),
    ]


@pytest.mark.parametrize("limit", [60, 100, 200, 400, 700])
def test_documents_are_cut_to_the_limit_the_first_ones_kept(limit):
    texts = ["first " * 20, 'quoted "\n' * 20, "third " * 20]
    kept, written = fit_documents(texts, limit)

    assert len(written) <= limit
    assert json.loads(written) == kept
    assert (kept == texts) == (len(json.dumps(texts)) <= limit)
    if kept != texts:
        assert kept[-1].endswith(" cut]")
        assert texts[0].startswith(kept[0].partition("…")[0])


def test_documents_without_room_leave_their_number():
    assert fit_documents(["a" * 50, "b" * 50], 40).texts == ["…[2 documents cut]"]


class Spoiled:
    def __repr__(self):
        return "Spoiled" * 100


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"user": 42}, r"user must be a text, got 42: pass str\(\) of it"),
        ({"user": Spoiled()}, r"user must be a text, got (Spoiled){14}Sp: pass"),
        ({"conversation": b"c"}, r"conversation must be a text, got b'c': pass str\(\)"),
        (
            {"prompt": ("a", "b", "c")},
            r"prompt must be a name or \(name, version\), all texts, got \('a', 'b', 'c'\)",
        ),
        ({"prompt": ("a", 3)}, r"prompt must be .*, got \('a', 3\): such as prompt=\(\"summary\", \"3\"\)"),
        (
            {"documents": "one text"},
            r"documents must be a sequence of texts, got str: put a single text into a list",
        ),
        ({"documents": 3}, r"documents must be a sequence of texts, got int"),
        ({"documents": ["a", 3]}, r"documents\[1\] must be a text, got int: pass the document's text"),
        ({"tags": ["a"]}, r"tags must be a mapping, got \['a'\]: such as"),
        ({"tags": {"": "a"}}, r"a key of tags must be a text that is not empty, got '': name the tag"),
        ({"tags": {3: "a"}}, r"a key of tags must be a text that is not empty, got 3"),
        ({"tags": {"a": None}}, r"tags\['a'\] must be a text, a number .*, got None: pass str\(\)"),
        ({"tags": {"a": 2**63}}, r"tags\['a'\] must be .*64 bits.*, got 9223372036854775808"),
        ({"baggage": "no"}, r"baggage must be True or False, got 'no'"),
    ],
)
def test_a_wrong_argument_is_named_with_its_value_and_the_remedy(wrong, message):
    with pytest.raises(ConfigError, match=rf"^otel_llm.context: {message}"):
        otel_llm.context(**wrong)


def test_documents_that_cannot_be_read_give_their_own_error_as_the_cause():
    def search():
        yield "A page."
        raise OSError("the index is gone")

    with pytest.raises(ConfigError, match="documents must be readable to their end, got OSError") as caught:
        otel_llm.context(documents=search())
    assert str(caught.value.__cause__) == "the index is gone"


def test_half_a_surrogate_pair_loses_no_export(exported, client):
    exported.instrument(capture_content=True)
    with otel_llm.context(user="a\ud83d", tags={"t": "\udc00"}, documents=["d\ud83d"]):
        ask(client)

    attributes = exported.span.attributes
    assert (attributes[names.USER_ID], attributes[f"{TAG}t"], attributes[names.DOCUMENTS]) == ("a?", "?", '["d?"]')


@pytest.mark.parametrize("fault", [("CallContext", "entering a context"), ("sendable", "making a context")])
def test_a_failure_of_ours_is_logged_once_and_the_app_goes_on(exported, client, monkeypatch, caplog, fault):
    part, where = fault
    exported.instrument(debug_raise=False)

    def fail(*_):
        raise RuntimeError("injected")

    monkeypatch.setattr(scope, part, fail)
    with caplog.at_level(logging.WARNING, "otel_llm"):
        for _ in range(2):
            with otel_llm.context(user="ada"):
                assert ask(client).choices[0].message.content == "one two three"

    (record,) = caplog.records
    assert f"{where} failed, the app is not affected: RuntimeError: injected" in record.getMessage()
    assert users(exported) == ["nobody", "nobody"]


def test_baggage_that_the_app_sets_inside_is_heard_but_does_not_override(instrumented, client):
    with otel_llm.context(user="ada", prompt="support"):
        other = set_baggage(f"{TAG}region", "eu", set_baggage(names.USER_ID, "eve"))
        token = attach(set_baggage(names.PROMPT_VERSION, "of another prompt", other))
        ask(client)
        detach(token)
        ask(client)

    first, second = instrumented.spans
    local = {names.USER_ID: "ada", names.PROMPT_NAME: "support"}
    assert carried(first) == {**local, f"{TAG}region": "eu"}
    assert carried(second) == local


def test_the_context_is_as_it_was_once_it_is_left():
    before = get_current()
    with otel_llm.context(user="ada"), otel_llm.context(documents=["A page."]):
        assert get_current() is not before
    assert get_current() is before

"""The lifecycles take any client: whatever its calls give, and wherever its functions are."""

import asyncio
import gc
import importlib
import inspect
import sys

import pytest
from small_library import MODULE, WORDS, at_work, made

import otel_llm
from otel_llm import names
from otel_llm.instrument.lifecycle import patch
from otel_llm.instrument.lifecycle.wrap import wrap_async


def words():
    yield from WORDS


def words_of(*, model):
    return words()


class Words:
    """An iterator with a class and a method of its own, as some libraries have."""

    def __init__(self):
        self._words = iter(WORDS)
        self.closed = False

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._words)

    def close(self):
        self.closed = True


def the_answer(exported):
    return exported.span.attributes.get(names.RESPONSE_ID)


# What a call gives.


def test_a_method_that_returns_a_generator(exported, monkeypatch):
    def ask(*, model):
        assert at_work() == (True, set())  # the request is sent by the call
        return words()

    library = made(monkeypatch, ask=ask)
    exported.instrument()
    chunks = library.ask(model="m")

    assert inspect.isgenerator(chunks)
    assert list(chunks) == WORDS
    assert the_answer(exported) == "one two three"


def test_a_generator_that_is_dropped_ends_its_call(exported, monkeypatch):
    library = made(monkeypatch, ask=words_of)
    exported.instrument()
    next(library.ask(model="m"))
    gc.collect()

    assert the_answer(exported) == "one "


def test_an_iterator_with_a_class_of_its_own(exported, monkeypatch):
    given = Words()
    library = made(monkeypatch, ask=lambda *, model: given)
    exported.instrument()
    chunks = library.ask(model="m")

    assert next(chunks) == "one "
    chunks.close()
    assert given.closed
    assert list(chunks) == WORDS[1:]
    assert the_answer(exported) == "one two three"


def test_an_async_generator_that_a_coroutine_returns(exported, monkeypatch):
    async def given():
        for word in WORDS:
            yield word

    async def ask(*, model):
        return given()

    async def use():
        chunks = await library.ask(model="m")
        assert inspect.isasyncgen(chunks)
        return [chunk async for chunk in chunks]

    library = made(monkeypatch, wrapped=wrap_async, ask=ask)
    exported.instrument()

    assert asyncio.run(use()) == WORDS
    assert the_answer(exported) == "one two three"


def test_an_error_that_the_app_throws_into_an_async_generator_closes_the_clients(exported, monkeypatch):
    ended = []

    async def ask(*, model):
        try:
            for word in WORDS:
                yield word
        finally:
            ended.append(True)

    async def use():
        chunks = library.ask(model="m")
        await anext(chunks)
        with pytest.raises(KeyError):
            await chunks.athrow(KeyError("app"))
        assert ended

    library = made(monkeypatch, ask=ask)
    exported.instrument()
    asyncio.run(use())

    assert exported.span.attributes[names.ERROR_TYPE] == "KeyError"


def test_what_the_app_sends_and_throws_into_a_generator_reaches_the_clients(exported, monkeypatch):
    seen = []

    def ask(*, model):
        got = yield "one "
        while got != "enough":
            seen.append(got)
            try:
                got = yield "more "
            except KeyError as error:
                got = error.args[0]
        return "the value"

    library = made(monkeypatch, ask=ask)
    exported.instrument()
    chunks = library.ask(model="m")
    assert inspect.isgenerator(chunks)
    assert (next(chunks), chunks.send("a"), chunks.throw(KeyError("b"))) == ("one ", "more ", "more ")
    with pytest.raises(StopIteration) as ended:
        chunks.send("enough")

    assert seen == ["a", "b"]
    assert ended.value.value == "the value"
    assert the_answer(exported) == "one more more "
    assert names.ERROR_TYPE not in exported.span.attributes


def test_what_the_app_sends_into_an_async_generator_reaches_the_clients(exported, monkeypatch):
    async def ask(*, model):
        got = yield "one "
        yield got

    async def use():
        chunks = library.ask(model="m")
        return await anext(chunks), await chunks.asend("two"), [chunk async for chunk in chunks]

    library = made(monkeypatch, ask=ask)
    exported.instrument()

    assert asyncio.run(use()) == ("one ", "two", [])
    assert the_answer(exported) == "one two"


def test_a_generator_left_early_is_left_by_the_client_too(exported, monkeypatch):
    ended = []

    def ask(*, model):
        try:
            yield from WORDS
        finally:
            ended.append(True)

    library = made(monkeypatch, ask=ask)
    exported.instrument()
    for _ in library.ask(model="m"):
        break

    assert ended == [True]
    assert the_answer(exported) == "one "


# Where its functions are.


def the_kinds():
    class Base:
        def inherited(self, *, model, stream):
            return "one"

    class Client(Base):
        def method(self, *, model, stream):
            return "one"

        @staticmethod
        def static(*, model, stream):
            return "one"

        @classmethod
        def of_the_class(cls, *, model, stream):
            assert issubclass(cls, Client)
            return "one"

    return Base, Client


@pytest.mark.parametrize("name", ["inherited", "method", "static", "of_the_class"])
@pytest.mark.parametrize("on_the_class", [False, True])
def test_a_method_of_any_kind(exported, monkeypatch, name, on_the_class):
    base, kind = the_kinds()
    library = made(monkeypatch, Client=kind)
    before, of_base = dict(vars(kind)), dict(vars(base))
    exported.instrument()
    client = library.Client()
    call = getattr(library.Client, name) if on_the_class else getattr(client, name)
    own = (client,) if on_the_class and name in ("inherited", "method") else ()
    assert call(*own, model="m", stream=False) == "one"
    assert the_answer(exported) == "one"

    otel_llm.uninstrument()
    assert (dict(vars(kind)), dict(vars(base))) == (before, of_base)


def test_a_function_of_a_module(exported, monkeypatch):
    def ask(*, model, stream):
        return "one"

    library = made(monkeypatch, ask=ask)
    exported.instrument()
    assert library.ask(model="m", stream=False) == "one"
    assert exported.span.name == "chat m"
    otel_llm.uninstrument()

    assert library.ask is ask


# What it is called, and of which version.


@pytest.mark.parametrize(
    ("installed", "known"),
    [("1.4.0", True), ("1.5.0b2", True), ("2.0.0rc1", False), ("2.0.0", False), ("0.9", False)],
)
def test_versions_are_those_of_the_distribution(exported, monkeypatch, caplog, installed, known):
    library = made(monkeypatch, ask=lambda *, model, stream: "one")
    # the library's module is called otherwise
    monkeypatch.setattr(patch, "version", {"small-llm": installed}.__getitem__)
    patch._said.clear()
    exported.instrument()
    library.ask(model="m", stream=False)

    assert bool(exported.spans) is known
    assert (f"small-llm {installed} is not instrumented" in caplog.text) is not known


def test_a_package_without_its_entry_points_says_so(exported, monkeypatch, caplog):
    monkeypatch.setattr(patch, "entry_points", lambda **_: ())
    patch.client_entry_points.cache_clear()
    try:
        exported.instrument()
        exported.instrument(content_limit=10)
    finally:
        patch.client_entry_points.cache_clear()

    assert caplog.text.count("no client is instrumented: the entry points otel_llm.clients") == 1


# A third party's.

THEIRS = """
from small_library import SmallClient
from otel_llm.instrument.contract.client import Patch
from otel_llm.instrument.lifecycle.wrap import wrap

CLIENT = SmallClient(Patch("their_llm.chat", None, "ask", wrap))
CLIENT.__class__ = type("TheirClient", (SmallClient,), {"distribution": "their-llm"})
"""


def test_a_third_partys_client_is_found_by_its_entry_point(exported, monkeypatch, tmp_path):
    (tmp_path / "their_llm").mkdir()
    (tmp_path / "their_llm" / "__init__.py").touch()
    (tmp_path / "their_llm" / "chat.py").write_text("def ask(*, model, stream):\n    return 'one'\n")
    (tmp_path / "their_otel.py").write_text(THEIRS)
    for name, entries in (
        ("their-llm", ""),
        ("their-otel", "[otel_llm.clients]\ntheir_llm = their_otel:CLIENT\n"),
    ):
        folder = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(entries)
    monkeypatch.syspath_prepend(tmp_path)
    patch.client_entry_points.cache_clear()
    try:
        exported.instrument()
        assert "their_otel" not in sys.modules  # before the library itself is imported, nothing is
        chat = importlib.import_module("their_llm.chat")
        assert chat.ask(model="m", stream=False) == "one"

        assert exported.span.name == "chat m"
    finally:
        patch.client_entry_points.cache_clear()
        for name in [
            each for each in sys.modules if each.partition(".")[0] in ("their_llm", "their_otel", MODULE)
        ]:
            monkeypatch.delitem(sys.modules, name)

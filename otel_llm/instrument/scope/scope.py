"""`otel_llm.context()`: sets values that the calls of a part of the app carry."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, TypeVar, cast

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.errors import ConfigError
from otel_llm.instrument.guard import guarded, report
from otel_llm.instrument.scope.baggage import baggage_of, sendable, with_baggage
from otel_llm.instrument.scope.inherited import CALL_CONTEXT, CallContext, ContextValues
from otel_llm.instrument.scope.threads import carry_into_threads

TagValue = str | int | float | bool

_INTEGERS: Final = range(
    -(2**63), 2**63
)  # the integers of OTLP: one integer beyond them would cost a whole export
_Function = TypeVar("_Function", bound=Callable[..., Any])


def context(
    *,
    user: str | None = None,
    conversation: str | None = None,
    prompt: str | tuple[str, str] | None = None,
    documents: Iterable[str] | None = None,
    tags: Mapping[str, TagValue] | None = None,
    baggage: bool = True,
) -> Scope:
    """Return a context manager, and decorator of functions, that sets values for the calls inside.

    An inner context adds to the outer context: tags are merged, every other value replaces the outer value. None
    keeps the outer value. One context may be entered any number of times, also at the same time.

    Args:
        user: `user.id` of the spans.
        conversation: `gen_ai.conversation.id`.
        prompt: the name of a prompt template, or its name and version: `gen_ai.prompt.name`, `.version`.
        documents: texts in which answers should be grounded; recorded only if content is recorded.
        tags: each tag is an attribute `otel_llm.tag.{key}`.
        baggage: True if OpenTelemetry's baggage carries all values but the documents to the services that are
            called inside. Providers of models never get this baggage.

    Raises:
        ConfigError: an argument is wrong.
    """
    try:
        carry_into_threads()
        given = _given(
            user=user, conversation=conversation, prompt=prompt, documents=documents, tags=tags, baggage=baggage
        )
        scope = Scope(given)
    except ConfigError:
        raise
    except Exception as error:
        report("making a context", error)
        scope = _EMPTY
    return scope


class Scope:
    """The context manager, and decorator, that `context()` returns."""

    __slots__ = ("_given",)

    def __init__(self, given: ContextValues | None) -> None:
        self._given = given

    @guarded("entering a context")
    def __enter__(self) -> None:
        if self._given is None:  # the construction failed
            return
        before = otel_context.get_current()
        carried = CallContext(self, self._given, before)
        entered: dict[str, Any] = {**before, CALL_CONTEXT: carried}
        if carried.baggage is not baggage_of(before):
            with_baggage(entered, carried.baggage)
        otel_context.attach(Context(entered))

    @guarded("leaving a context")
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # The scope is found in the current context, so that one scope serves many tasks and threads. If it is not
        # there, as in a generator that other code closes, nothing is put back. An inner scope that was never
        # left, as in a generator that waits, is skipped.
        carried: Any = otel_context.get_current().get(CALL_CONTEXT)
        while carried is not None and carried.scope is not self:
            carried = None if carried.before is None else carried.before.get(CALL_CONTEXT)
        if carried is not None and carried.before is not None:
            before, carried.before = carried.before, None
            otel_context.attach(before)

    def __call__(self, function: _Function) -> _Function:
        """Return a function whose calls run inside this context.

        Raises:
            ConfigError: the function is a generator function, whose body runs interleaved with its caller.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            remedy = "put `with otel_llm.context(...)` around the calls in it, but around no yield"
            raise _wrong("the decorated function", "no generator function", function, remedy)
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def call_async(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

            return cast("_Function", call_async)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return cast("_Function", call)


_EMPTY: Final = Scope(ContextValues({}, frozenset(), {}, None))


def _given(
    *, user: object, conversation: object, prompt: object, documents: object, tags: object, baggage: object
) -> ContextValues:
    attributes: dict[str, AttributeValue] = {}
    if user is not None:
        attributes[names.USER_ID] = _text("user", user)
    if conversation is not None:
        attributes[names.CONVERSATION_ID] = _text("conversation", conversation)
    if prompt is not None:
        attributes.update(_prompt(prompt))
    if tags is not None:
        attributes.update(_tags(tags))
    if not isinstance(baggage, bool):
        raise _wrong("baggage", "True or False", baggage, "leave it out for True")
    return ContextValues(
        attributes,
        # a prompt without a version must not get the version of the outer prompt
        replaced=frozenset({*attributes, names.PROMPT_VERSION} if prompt is not None else attributes),
        sent=sendable(attributes) if baggage else {},
        documents=None if documents is None else _documents(documents),
    )


def _prompt(prompt: object) -> dict[str, AttributeValue]:
    if isinstance(prompt, str):
        return {names.PROMPT_NAME: _clean(prompt)}
    if isinstance(prompt, tuple | list) and len(prompt) == 2 and all(isinstance(text, str) for text in prompt):
        return {names.PROMPT_NAME: _clean(prompt[0]), names.PROMPT_VERSION: _clean(prompt[1])}
    raise _wrong("prompt", "a name or (name, version), all texts", prompt, 'such as prompt=("summary", "3")')


def _tags(tags: object) -> dict[str, AttributeValue]:
    if not isinstance(tags, Mapping):
        raise _wrong("tags", "a mapping", tags, 'such as tags={"tier": "gold"}')
    return {f"{names.TAG_PREFIX}{_tag_key(key)}": _tag_value(key, value) for key, value in tags.items()}


def _tag_key(key: object) -> str:
    if not isinstance(key, str) or not key:
        raise _wrong("a key of tags", "a text that is not empty", key, "name the tag")
    return _clean(key)


def _tag_value(key: str, value: object) -> TagValue:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, float) or (isinstance(value, int) and value in _INTEGERS):
        return value
    what = "a text, a number of at most 64 bits, True or False"
    raise _wrong(f"tags[{key!r}]", what, value, "pass str() of it, or leave the tag out")


def _documents(documents: object) -> tuple[str, ...]:
    # the error names only the type of a wrong document: its text is content
    if isinstance(documents, str | bytes | Mapping) or not isinstance(documents, Iterable):
        raise _wrong("documents", "a sequence of texts", type(documents), "put a single text into a list")
    texts = documents if isinstance(documents, tuple | list) else _read(documents)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise _wrong(f"documents[{index}]", "a text", type(text), "pass the document's text")
    return tuple(map(_clean, texts))


def _read(documents: Iterable[object]) -> list[object]:
    try:
        return list(documents)
    except Exception as error:
        text = (
            f"otel_llm.context: documents must be readable to their end, got {type(error).__name__}: see its cause"
        )
        raise ConfigError(text) from error


def _text(argument: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(argument, "a text", value, "pass str() of it, or None where there is none")
    return _clean(value)


def _clean(text: str) -> str:
    # half of a surrogate pair can neither be exported nor sent as baggage
    return text if text.isascii() else text.encode(errors="replace").decode()


def _wrong(argument: str, rule: str, value: object, remedy: str) -> ConfigError:
    shown = value.__name__ if isinstance(value, type) else f"{value!r:.100}"
    return ConfigError(f"otel_llm.context: {argument} must be {rule}, got {shown}: {remedy}")

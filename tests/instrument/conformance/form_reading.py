"""How an app reads what a call of a client gives, synchronous or asynchronous: to its end, or not.

Each reader returns the types of all objects that the app was given.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple


class Leaving(NamedTuple):
    """A stream is left before its end."""

    after: str | None
    """What its last piece that is read says; None: nothing is read."""
    close: bool
    """Whether it is closed; else it is dropped."""


async def settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def whole(given: Any, _: Leaving | None) -> list[type]:
    return [type(await settled(given))]


async def raw(given: Any, _: Leaving | None) -> list[type]:
    response = await settled(given)
    return [type(response), type(await settled(response.parse()))]


async def stream(given: Any, leaving: Leaving | None) -> list[type]:
    result = await settled(given)
    kinds = [type(result), *await _pieces(result, leaving)]
    if leaving and leaving.close:
        await settled(result.close())
    return kinds


async def raw_stream(given: Any, leaving: Leaving | None) -> list[type]:
    response = await settled(given)
    return [type(response), *await stream(response.parse(), leaving)]


async def block(manager: Any, leaving: Leaving | None) -> list[type]:
    """Read what the `with` block of a helper gives, which is iterated itself."""
    return await _block(manager, leaving, lambda helper: helper)


async def lines(manager: Any, leaving: Leaving | None) -> list[type]:
    """Read the body of a response, in its `with` block."""
    return await _block(manager, leaving, lambda response: response.iter_lines())


def entered(name: str) -> Callable[[Any, Leaving | None], Any]:
    """Return what reads an iterator of what the `with` block of a helper gives."""

    async def read(manager: Any, leaving: Leaving | None) -> list[type]:
        return await _block(manager, leaving, lambda helper: getattr(helper, name))

    return read


async def _block(manager: Any, leaving: Leaving | None, body: Callable[[Any], Any]) -> list[type]:
    asynchronous = hasattr(manager, "__aenter__")
    entered = await manager.__aenter__() if asynchronous else manager.__enter__()
    kinds = [type(manager), type(entered), *await _pieces(body(entered), leaving)]
    if leaving is None or leaving.close:
        leave = manager.__aexit__ if asynchronous else manager.__exit__
        await settled(leave(None, None, None))
    return kinds


async def _pieces(source: Any, leaving: Leaving | None) -> list[type]:
    kinds: list[type] = []
    if leaving and leaving.after is None:
        return kinds
    following = source.__anext__ if hasattr(source, "__anext__") else source.__next__
    while True:
        try:
            piece = await settled(following())
        except (StopIteration, StopAsyncIteration):
            return kinds
        kinds.append(type(piece))
        if leaving and leaving.after in str(piece):
            return kinds

"""Parts that need an extra of this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from otel_llm.errors import MissingExtraError


@contextmanager
def needs(part: str, extra: str, otherwise: str = "") -> Iterator[None]:
    """Turn the import error of a library that is not installed into one that gives the install command.

    Args:
        part: what is imported inside, in words that start the message.
        extra: the extra that has the library.
        otherwise: a way without the extra, in words that end the message.

    Raises:
        MissingExtraError: a library is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("otel_llm."):
            raise
        way = f"; {otherwise}" if otherwise else ""
        raise MissingExtraError(
            f"{part} needs the extra `{extra}`: pip install 'otel-llm[{extra}]'{way}"
        ) from error

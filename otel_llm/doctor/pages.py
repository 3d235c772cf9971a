"""Pages of other programs, read over HTTP."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

_TIMEOUT_S: Final = 5.0
_MOST_BYTES: Final = 64 << 20


class UnreachableError(Exception):
    """Nothing answers at a URL, or what answers is no such page; the message says why."""


class Page(NamedTuple):
    """An answer."""

    status: int
    text: str


def base_url(text: str) -> str:
    """Return the base of URLs that a user wrote, also as `host:port`."""
    return (text if "://" in text else f"http://{text}").rstrip("/")


def page(url: str) -> Page:
    """Return the page at a URL, whatever its status.

    Raises:
        UnreachableError: nothing answers over HTTP.
    """
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:  # noqa: S310 - a URL of the user's
            return Page(response.status, response.read(_MOST_BYTES).decode(errors="replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Page(error.code, error.read(_MOST_BYTES).decode(errors="replace"))
    except urllib.error.URLError as error:
        raise UnreachableError(getattr(error.reason, "strerror", None) or str(error.reason)) from error
    except http.client.HTTPException as error:  # its text is the answer's bytes, such as frames of gRPC
        raise UnreachableError("what answers there speaks no HTTP/1.1") from error
    except (OSError, ValueError) as error:  # a connection that breaks, a port that is no number
        raise UnreachableError(str(error) or type(error).__name__) from error


def api(url: str, **parameters: str) -> Any:
    """Return `data` of an answer of Prometheus' API.

    Raises:
        UnreachableError: nothing answers, or no Prometheus does.
    """
    text = page(f"{url}?{urlencode(parameters)}" if parameters else url).text
    try:
        return json.loads(text)["data"]
    except (ValueError, KeyError, TypeError) as error:
        raise UnreachableError(f"no answer of Prometheus: {text[:80]!r}") from error

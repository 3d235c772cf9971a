"""The base URL of a Stainless client, as text. Read at each call."""

from __future__ import annotations

from typing import Any, Final

_KEPT_LIMIT: Final = 100  # base URLs kept: an app that makes a client for each call must not fill the memory


def base_url_of(client: Any) -> str:
    """Return the base URL of a client object of the library."""
    kind = type(client)
    plain = _has_plain_url.get(kind)
    if plain is None:
        plain = _has_plain_url[kind] = _is_plain(kind)
    # the property, which returns this attribute, takes 3 µs in openai 3.x
    url = client._base_url if plain else client.base_url
    known = _texts.get(id(url))
    if known is None:
        if len(_texts) >= _KEPT_LIMIT:
            _texts.clear()
        known = _texts[id(url)] = url, str(url)  # the reference to the URL keeps its id from being used again
    return known[1]


def _is_plain(kind: type) -> bool:
    """Return True if a class's `base_url` is the library's own property, and no override."""
    found = next((vars(base)["base_url"] for base in kind.__mro__ if "base_url" in vars(base)), None)
    module = getattr(getattr(found, "fget", None), "__module__", None) or ""
    return module.partition(".")[2] in {"_client", "_base_client"}


_has_plain_url: Final[dict[type, bool]] = {}
_texts: Final[dict[int, tuple[Any, str]]] = {}

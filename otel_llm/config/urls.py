"""The check of a URL of an OTLP receiver."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_OTLP_PATH: Final = re.compile(r"/v1/(traces|logs|metrics)/*$")


def base_url(value: str, schemes: Container[str], example: str, *, credentials: str = "headers") -> str:
    """Return the checked URL of a receiver, its scheme in lower case.

    Args:
        value: the URL, without the path that OTLP/HTTP adds.
        schemes: the allowed schemes.
        example: a valid URL, for the message.
        credentials: the setting for an Authorization, for the message.

    Raises:
        ValueError: the URL is not valid; the message leaves out user and password.
    """
    try:
        parts = urlsplit(value)
    except ValueError:  # such as a bracket that is not closed
        raise ValueError(f"must be a URL such as {example}") from None
    try:
        is_url = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no valid number
        is_url = False
    if "@" in parts.netloc:
        raise ValueError(f"must have no user and password: use {credentials}, with an Authorization")
    if not is_url or parts.query or parts.fragment:
        raise ValueError(f"must be a URL such as {example}")
    if _OTLP_PATH.search(parts.path):
        raise ValueError("must be the URL without /v1/traces, /v1/logs or /v1/metrics, which is added to it")
    if parts.scheme.startswith("grpc") and parts.path not in {"", "/"}:
        raise ValueError("must have no path: gRPC knows none")
    return urlunsplit(parts)

"""Senders that are let in, by bearer tokens and tenants."""

from __future__ import annotations

import functools
import hmac
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from otel_llm.config.receive import ReceiverSettings
from otel_llm.errors import ConfigError
from otel_llm.receive.refusal import Reason, Refusal
from otel_llm.watched import Watched

Header = Callable[[str], str | None]
"""Returns the value of a header, or of an entry of gRPC metadata, by its name in lower case."""

_TOKEN: Final = re.compile(rb"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, section 2.1
_TENANT: Final = re.compile(r"[A-Za-z0-9!._*'()-]{1,150}")  # what Loki, Tempo and Mimir take


class Guard:
    """Finds the tenant of a request from its headers, or refuses the request. Used in the event loop.

    Knows at most `receive.max_tenants` tenants; a tenant is forgotten only at a restart.
    """

    def __init__(self, settings: ReceiverSettings) -> None:
        """Read the file of tokens.

        Raises:
            ConfigError: the file cannot be read, or is not one token a line.
        """
        path = settings.bearer_tokens_file
        self._tokens = TokenFile(path) if path else None
        self._tenant_header = (settings.tenant_header or "").lower()
        self._max_tenants = settings.max_tenants
        self._tenants: set[str] = set()

    def tenant(self, header: Header) -> str:
        """Return the tenant; "" if the request names none, or tenants are not told apart.

        A new tenant counts once a request of it was taken: see `remember`.

        Raises:
            Refusal: the request has no valid token, or its tenant is not let in.
        """
        if self._tokens and not self._tokens.knows(header("authorization") or ""):
            raise Refusal(
                Reason.UNAUTHENTICATED,
                "Authorization must be Bearer and a token of receive.bearer_tokens_file: "
                "set OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20TOKEN",
            )
        name = header(self._tenant_header) if self._tenant_header else None
        return self._known(name) if name else ""

    def _known(self, name: str) -> str:
        if name in self._tenants:
            return name
        if not _TENANT.fullmatch(name):
            raise Refusal(
                Reason.MALFORMED,
                f"{self._tenant_header} must be 1 to 150 letters, digits and !-_.*'(), got {name[:150]!r}",
            )
        if len(self._tenants) >= self._max_tenants:
            raise Refusal(
                Reason.FORBIDDEN,
                f"tenant {name!r} is one more than receive.max_tenants ({self._max_tenants}): "
                "raise it, or restart the service to forget old ones",
            )
        return name

    def remember(self, tenant: str) -> None:
        """Count a tenant of which a request was taken."""
        if tenant:
            self._tenants.add(tenant)


class TokenFile:
    """The tokens in a file, read again when the file has changed."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ConfigError: the file cannot be read, or is not one token a line.
        """
        self._tokens = Watched([path], functools.partial(_read_tokens, path))

    def knows(self, authorization: str) -> bool:
        """Return True if the value of an Authorization header is Bearer and one of the tokens."""
        self._tokens.renew()
        scheme, _, token = authorization.partition(" ")
        shown = token.strip().encode()
        # all tokens are compared, so that the time taken tells nothing about any of them
        matches = [hmac.compare_digest(shown, known) for known in self._tokens.value]
        return scheme.lower() == "bearer" and any(matches)


def _read_tokens(path: Path) -> list[bytes]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ConfigError(f"receive.bearer_tokens_file {str(path)!r} cannot be read: {error.strerror}") from error
    tokens = []
    for number, line in enumerate(lines, 1):
        token = line.strip()
        if token and not _TOKEN.fullmatch(token):  # the message leaves the line out: it is a secret
            raise ConfigError(
                f"receive.bearer_tokens_file {str(path)!r}: line {number} must be one token of letters, digits "
                "and -._~+/, as in `openssl rand -hex 32`"
            )
        if token:
            tokens.append(token)
    if not tokens:
        raise ConfigError(f"receive.bearer_tokens_file {str(path)!r} has no token: nobody could send")
    return tokens

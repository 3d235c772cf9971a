"""Sends dead letters to a receiver of OTLP/HTTP."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError as ProtobufDecodeError

from otel_llm.config.send import DestinationTls
from otel_llm.dead_letters.letter import Letter
from otel_llm.errors import ConfigError
from otel_llm.otlp.signals import SIGNALS
from otel_llm.receive.replay_header import REPLAY_HEADER
from otel_llm.send.certificates import client_context

_RETRYABLE: Final = frozenset({429, 502, 503, 504})  # OTLP specification, "Retryable Response Codes"
_TRIES: Final = 5
_FIRST_WAIT_S: Final = 0.5
_MAX_WAIT_S: Final = 30.0
_REASON_CHARACTERS: Final = 200
_SYSTEMS: Final = DestinationTls()


class ReplayAnswer(NamedTuple):
    """The receiver's answer to a letter."""

    refusal: str | None
    """Why the letter was not taken; None where it was."""
    reachable: bool = True
    """False if the receiver does not answer or has no room: the next letter would fare no better."""


# the handlers of urllib for HTTP without redirects: following one would turn the POST into a GET
_HANDLERS: Final = (
    urllib.request.ProxyHandler,
    urllib.request.HTTPHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
)


class Resender:
    """Sends letters to one receiver of OTLP/HTTP. Used by one thread; `send` waits between tries."""

    def __init__(
        self,
        url: str,
        *,
        tenant_header: str = "X-Scope-OrgID",
        headers: Mapping[str, str] | None = None,
        tls: DestinationTls = _SYSTEMS,
        timeout_s: float = 10,
        wait: Callable[[float], Any] = time.sleep,
    ) -> None:
        """Send to a base URL, such as http://localhost:4318.

        Args:
            tenant_header: name of the header for the letter's tenant.
            headers: added to each request, such as one for authentication.
            tls: certificates, for https.
            wait: called with the seconds to wait between two tries.

        Raises:
            ConfigError: the URL is not http or https, or a certificate cannot be used.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"--to: must be a URL such as http://localhost:4318, got {url!r}")
        self._url = url.rstrip("/")
        self._tenant_header = tenant_header
        self._headers = dict(headers or {})
        self._timeout_s = timeout_s
        self._wait = wait
        self._opener = urllib.request.OpenerDirector()
        for handler in (*(each() for each in _HANDLERS), urllib.request.HTTPSHandler(context=client_context(tls))):
            self._opener.add_handler(handler)

    def send(self, letter: Letter) -> ReplayAnswer:
        """Return the last answer of the receiver; a retryable answer is followed by another try, five in all."""
        wait_s = _FIRST_WAIT_S
        for left in reversed(range(_TRIES)):
            answer, retry_after_s = self._try(letter)
            if answer.reachable or not left:
                break
            self._wait(min(max(wait_s, retry_after_s), _MAX_WAIT_S))
            wait_s *= 2
        return answer

    def _try(self, letter: Letter) -> tuple[ReplayAnswer, float]:
        """Return the answer to one request, and the seconds that the receiver asks to wait."""
        headers = {**self._headers, "Content-Type": "application/x-protobuf", REPLAY_HEADER: letter.stage}
        if letter.tenant:
            headers[self._tenant_header] = letter.tenant
        url = f"{self._url}/v1/{letter.signal}"
        request = urllib.request.Request(url, letter.body, headers)  # noqa: S310 - the scheme was checked
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                return ReplayAnswer(_rejection(letter, response.read())), 0.0
        except urllib.error.HTTPError as error:
            with error:
                text = error.read(_REASON_CHARACTERS).decode(errors="replace").strip()
            refusal = f"{error.code} {error.reason}: {text}" if text else f"{error.code} {error.reason}"
            return ReplayAnswer(refusal, error.code not in _RETRYABLE), _seconds(error.headers.get("Retry-After"))
        except (OSError, http.client.HTTPException) as error:
            return ReplayAnswer(f"{self._url} could not be reached: {error}", reachable=False), 0.0


def _rejection(letter: Letter, body: bytes) -> str | None:
    """Return why the receiver took only a part of the request; None if it took all."""
    facts = SIGNALS[letter.signal]
    try:
        partial: Any = facts.response.FromString(body)
    except ProtobufDecodeError:
        return "its answer is none of OTLP: is it a receiver of OTLP/HTTP?"
    rejected = getattr(partial.partial_success, facts.rejected)
    return f"{rejected} of {letter.items} rejected: {partial.partial_success.error_message}" if rejected else None


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdigit() else 0.0

"""Settings of a destination: an OTLP receiver that the service sends to."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

LONGEST_ASKED_PAUSE_S: Final = 300
"""A receiver that asks for a longer pause is asked again after this one: it may be back long before."""
_SCHEMES: Final = frozenset({"http", "https", "grpc", "grpcs"})
# what HTTP and gRPC both take, once the name is in lower case: RFC 9110, section 5; grpc doc/PROTOCOL-HTTP2.md
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")
_HEADER_VALUE: Final = re.compile(r"[!-~]([ -~]*[!-~])?")


# what the transport says itself
_OUR_HEADERS: Final = frozenset(
    {"content-type", "content-length", "content-encoding", "transfer-encoding", "host", "connection", "te"}
)
_OTLP_PATH: Final = re.compile(r"/v1/(traces|logs|metrics)/*$")


def base_url(value: str, schemes: Container[str], example: str, *, credentials: str = "headers") -> str:
    """Return the URL of a receiver, its scheme in lower case.

    Args:
        value: the URL, without what OTLP/HTTP adds to it.
        schemes: those that can be used.
        example: of such a URL, for the message.
        credentials: where an Authorization goes, for the message.

    Raises:
        ValueError: it is none that can be used; the message does not tell user and password.
    """
    try:
        parts = urlsplit(value)
    except ValueError:  # a bracket without its other one
        raise ValueError(f"must be a URL such as {example}") from None
    try:
        is_url = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number of one
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


class DestinationTls(BaseModel):
    """Certificates for `https` and `grpcs`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca_file: Path | None = None
    """Certificates, in PEM, of who signs the receiver's; None: for `https` those of the system, for `grpcs` those
    that gRPC brings, or GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names."""
    cert_file: Path | None = None
    """Our certificate in PEM, where the receiver asks for one (mTLS); needs `key_file`."""
    key_file: Path | None = None
    """The private key of `cert_file`, in PEM."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("must have both cert_file and key_file, or neither")
        return self


class RetrySettings(BaseModel):
    """How a request is tried again that a destination could not take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    initial_s: float = Field(default=0.5, gt=0)
    """The first pause; each is twice as long as the one before, less a random part."""
    max_s: float = Field(default=30, gt=0)
    """The longest pause of our own; one that the receiver asks for may be longer, up to five minutes."""
    max_elapsed_s: float = Field(default=0, ge=0)
    """After so long a request becomes a dead letter, and sooner where the receiver asks for a pause that would end
    later; 0: it is tried for ever, and the queue fills up behind it."""


class DestinationSettings(BaseModel):
    """Where OTLP goes, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str | None = None
    """http(s)://host:4318 for OTLP/HTTP, grpc(s)://host:4317 for OTLP/gRPC; None: nothing is sent."""
    headers: Mapping[str, str] = {}
    """Headers, or gRPC metadata, of each request, such as an Authorization."""
    tenant_header: str = "X-Scope-OrgID"
    """The header that names the tenant of a request that has one."""
    tls: DestinationTls = DestinationTls()
    compression: Literal["none", "gzip"] = "none"
    """On one host or in one network it costs more than it saves."""
    timeout_s: float = Field(default=10, gt=0)
    """What one attempt may take."""
    max_request_bytes: int = Field(default=4_000_000, ge=1024)
    """Small requests are joined up to it, larger ones split; gRPC servers take 4 MiB unless they are told more."""
    batch_delay_s: float = Field(default=0.05, ge=0, le=60)
    """How long a small request may wait for others to be joined with."""
    queue_bytes: int = Field(default=64 << 20, ge=1024)
    """With so many bytes waiting to be sent, no more is taken from the service's queue."""
    connections: int = Field(default=4, ge=1, le=64)
    """Requests under way at once."""
    retry: RetrySettings = RetrySettings()

    @field_validator("endpoint")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        return base_url(value, _SCHEMES, "http://localhost:4318 or grpc://localhost:4317")

    @field_validator("tenant_header")
    @classmethod
    def _is_header(cls, value: str) -> str:
        if not _HEADER_NAME.fullmatch(value) or value.lower().endswith("-bin") or value.lower() in _OUR_HEADERS:
            raise ValueError("must be the name of a header, such as X-Scope-OrgID, and not end in -bin")
        return value

    @model_validator(mode="after")
    def _has_certificates_of_use(self) -> Self:
        is_plain = self.endpoint is not None and urlsplit(self.endpoint).scheme in {"http", "grpc"}
        if is_plain and self.tls != DestinationTls():
            raise ValueError("must have an endpoint of https or grpcs where tls is set: it would go in plain text")
        return self

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, content in value.items():
            if not _HEADER_NAME.fullmatch(name) or name.lower().endswith("-bin"):
                raise ValueError(f"must have names such as Authorization, and none in -bin, got {name!r}")
            if name.lower() in _OUR_HEADERS:
                raise ValueError(f"must not have {name}: it is set by what is sent")
            if not _HEADER_VALUE.fullmatch(content):  # it is not told: it may be a secret
                raise ValueError(
                    f"must have values of printable ASCII, without spaces around; {name!r} has another"
                )
        return value

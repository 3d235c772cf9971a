"""Settings of a destination: an OTLP receiver that the service sends to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from otel_llm.config.urls import base_url

LONGEST_ASKED_PAUSE_S: Final = 300
"""Longest pause that a receiver can ask for, in seconds: it may be back long before a longer one ends."""
_SCHEMES: Final = frozenset({"http", "https", "grpc", "grpcs"})
# the names that HTTP and gRPC both take, in lower case: RFC 9110, section 5; grpc doc/PROTOCOL-HTTP2.md
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")
_HEADER_VALUE: Final = re.compile(r"[!-~]([ -~]*[!-~])?")
# headers that the transport sets
_OUR_HEADERS: Final = frozenset(
    {"content-type", "content-length", "content-encoding", "transfer-encoding", "host", "connection", "te"}
)


class DestinationTls(BaseModel):
    """Certificates for `https` and `grpcs`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca_file: Path | None = None
    """Certificates, in PEM, of the authority of the receiver; None: for `https` those of the system, for `grpcs`
    those that gRPC brings, or GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names."""
    cert_file: Path | None = None
    """Our certificate in PEM, for a receiver that asks for one (mTLS); needs `key_file`."""
    key_file: Path | None = None
    """Private key of `cert_file`, in PEM."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("must have both cert_file and key_file, or neither")
        return self


class RetrySettings(BaseModel):
    """Retries of a request that a destination could not take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    initial_s: float = Field(default=0.5, gt=0)
    """Seconds of the first pause; each pause is twice the pause before, less a random part."""
    max_s: float = Field(default=30, gt=0)
    """Seconds of the longest pause of our own; a pause that the receiver asks for may last up to five minutes."""
    max_elapsed_s: float = Field(default=0, ge=0)
    """Seconds after which a request becomes a dead letter, or sooner if the receiver asks for a pause that would
    end later; 0: it is tried for ever, and the queue fills up behind it."""


class DestinationSettings(BaseModel):
    """A destination for OTLP."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str | None = None
    """http(s)://host:4318 for OTLP/HTTP, grpc(s)://host:4317 for OTLP/gRPC; None: nothing is sent."""
    headers: Mapping[str, str] = {}
    """Headers, or gRPC metadata, of each request, such as Authorization."""
    tenant_header: str = "X-Scope-OrgID"
    """Header that names the tenant, for requests with a tenant."""
    tls: DestinationTls = DestinationTls()
    compression: Literal["none", "gzip"] = "none"
    """Compression of requests; on one host or in one network it costs more than it saves."""
    timeout_s: float = Field(default=10, gt=0)
    """Seconds that one attempt may take."""
    max_request_bytes: int = Field(default=4_000_000, ge=1024)
    """Bytes up to which small requests are joined, and above which larger ones are split; gRPC servers take 4 MiB
    by default."""
    batch_delay_s: float = Field(default=0.05, ge=0, le=60)
    """Seconds that a small request may wait to be joined with others."""
    queue_bytes: int = Field(default=64 << 20, ge=1024)
    """Bytes waiting to be sent; with more, nothing is taken from the service's queue."""
    connections: int = Field(default=4, ge=1, le=64)
    """Most requests in flight."""
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
            if not _HEADER_VALUE.fullmatch(content):  # the message leaves the value out: it may be a secret
                raise ValueError(
                    f"must have values of printable ASCII, without spaces around; {name!r} has another"
                )
        return value

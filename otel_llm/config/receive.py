"""Settings of the OTLP receivers: limits, TLS, tokens and tenants."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9-]+")


class TlsSettings(BaseModel):
    """Certificates of the receivers; without certificates, the receivers speak plain text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cert_file: Path | None = None
    """Certificate of the server in PEM, followed by its chain; needs `key_file`."""
    key_file: Path | None = None
    """Private key of `cert_file`, in PEM."""
    client_ca_file: Path | None = None
    """Certificates, in PEM, of the authorities of the senders; if set, a sender must show a certificate."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("must have both cert_file and key_file, or neither")
        if self.client_ca_file and not self.cert_file:
            raise ValueError("must have cert_file and key_file beside client_ca_file")
        return self


class KeepaliveSettings(BaseModel):
    """Age and health of gRPC connections."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_s: float = Field(default=60, ge=1)
    """Seconds of silence after which a connection is pinged."""
    timeout_s: float = Field(default=20, ge=0.1)
    """Seconds to answer the ping before the connection is closed."""
    max_connection_age_s: float | None = Field(default=None, ge=1)
    """Seconds after which a connection is closed, after its requests: so senders spread over replicas. None:
    never."""


class ReceiverSettings(BaseModel):
    """Limits and senders of the OTLP receivers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_request_bytes: int = Field(default=16 << 20, ge=1024)
    """Bytes of a request, before and after decompression; a larger request is refused."""
    max_span_bytes: int = Field(default=4_000_000, ge=1024)
    """Bytes of a span, log record or metric; a larger one is rejected alone, the rest of its request is taken."""
    max_in_flight_bytes: int = Field(default=256 << 20, ge=1024)
    """Bytes of requests that are read, unpacked or wait for the queue; beyond, requests are refused retryably."""
    read_timeout_s: float = Field(default=30, gt=0)
    """Seconds that the body of a request may take to arrive."""
    tls: TlsSettings = TlsSettings()
    bearer_tokens_file: Path | None = None
    """File of tokens, one a line; if set, a sender must show a token. The file is read again when it changes."""
    tenant_header: str | None = None
    """Header, or key of gRPC metadata, that names the tenant, such as X-Scope-OrgID; None: there is one tenant."""
    max_tenants: int = Field(default=100, ge=1)
    """Most tenants between two starts; requests of further tenants are refused."""
    keepalive: KeepaliveSettings = KeepaliveSettings()
    reuse_port: bool = False
    """True: share the ports with other processes of this service; the system spreads the connections."""

    @property
    def scheme(self) -> str:
        """The scheme of OTLP/HTTP: http or https."""
        return "https" if self.tls.cert_file else "http"

    @field_validator("tenant_header")
    @classmethod
    def _is_header_name(cls, value: str | None) -> str | None:
        if value is None:
            return None
        name = value.lower()
        if name in {"authorization", "host"} or name.startswith("content-"):
            raise ValueError("must be a header of its own, such as X-Scope-OrgID")
        if not _HEADER_NAME.fullmatch(value) or name.endswith("-bin"):
            raise ValueError("must be the name of a header, such as X-Scope-OrgID, and not end in -bin")
        return value

    @model_validator(mode="after")
    def _has_room_for_one(self) -> Self:
        if self.max_in_flight_bytes < self.max_request_bytes:
            raise ValueError(
                f"must have a max_in_flight_bytes of max_request_bytes ({self.max_request_bytes}) at least"
            )
        return self

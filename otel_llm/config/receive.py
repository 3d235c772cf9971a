"""Settings of the OTLP receivers: limits, TLS, who may send, and for whom."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9-]+")


class TlsSettings(BaseModel):
    """Certificates of the receivers; without them they speak plain text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cert_file: Path | None = None
    """The server's certificate in PEM, its chain after it; needs `key_file`."""
    key_file: Path | None = None
    """The private key of `cert_file`, in PEM."""
    client_ca_file: Path | None = None
    """Certificates, in PEM, of who signs the senders' certificates: where it is set, a sender must have one."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("must have both cert_file and key_file, or neither")
        if self.client_ca_file and not self.cert_file:
            raise ValueError("must have cert_file and key_file beside client_ca_file")
        return self


class KeepaliveSettings(BaseModel):
    """How long a gRPC connection lives, and how it is found dead."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_s: float = Field(default=60, ge=1)
    """A connection on which nothing came for so long is asked whether it lives."""
    timeout_s: float = Field(default=20, ge=0.1)
    """How long it has to answer before it is closed."""
    max_connection_age_s: float | None = Field(default=None, ge=1)
    """Close connections of this age, once their requests are done: senders spread over replicas. None: never."""


class ReceiverSettings(BaseModel):
    """What the OTLP receivers take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_request_bytes: int = Field(default=16 << 20, ge=1024)
    """A larger request is refused, be it before or after decompression."""
    max_span_bytes: int = Field(default=4_000_000, ge=1024)
    """A larger span, log record or metric is rejected alone: what came with it is taken."""
    max_in_flight_bytes: int = Field(default=256 << 20, ge=1024)
    """Bytes of requests that are read, unpacked or waiting for the queue; beyond it they are refused retryably."""
    read_timeout_s: float = Field(default=30, gt=0)
    """How long the body of a request may take to arrive."""
    tls: TlsSettings = TlsSettings()
    bearer_tokens_file: Path | None = None
    """A file of tokens, one a line: where it is set, a sender must show one. It is read again when it changes."""
    tenant_header: str | None = None
    """The header, or key of gRPC metadata, that names the tenant, such as X-Scope-OrgID; None: there is one."""
    max_tenants: int = Field(default=100, ge=1)
    """Tenants that are taken between two starts; the requests of further ones are refused."""
    keepalive: KeepaliveSettings = KeepaliveSettings()
    reuse_port: bool = False
    """Share the ports with other processes of this service; the system spreads connections over them."""

    @property
    def scheme(self) -> str:
        """What OTLP/HTTP is spoken over: http or https."""
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

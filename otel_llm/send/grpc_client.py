"""OTLP over gRPC: requests are sent as the bytes that they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from otel_llm.config.send import DestinationSettings, DestinationTls
from otel_llm.otlp.signals import SIGNALS, Signal
from otel_llm.send.certificates import client_context
from otel_llm.send.reply import USER_AGENT, Reply, delivered

# opentelemetry-proto docs/specification.md, "OTLP/gRPC: Failures"; RESOURCE_EXHAUSTED only with RetryInfo
_RETRYABLE: Final = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
_FOR_ALL: Final = frozenset(
    {
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
"""Status codes that reject the sender or the address, not the content: every other request would get the same."""
_DETAILS: Final = "grpc-status-details-bin"
_OPTIONS: Final = [
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_send_message_length", -1),
    # the sender makes the pauses; the channel's own would hide for two minutes that a receiver is back
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_retries", 0),
    ("grpc.primary_user_agent", USER_AGENT),
]


class GrpcClient:
    """A client over one gRPC channel. Any thread may call; attempts share the connection."""

    def __init__(self, settings: DestinationSettings) -> None:
        """Open no connection yet.

        Raises:
            ConfigError: a certificate cannot be used.
        """
        target = urlsplit(str(settings.endpoint))
        address = self._address = target.netloc if target.port else f"{target.netloc}:4317"
        if target.scheme == "grpcs":
            self._channel = grpc.secure_channel(address, _credentials(settings.tls), options=_OPTIONS)
        else:
            self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        self._closed = False
        self._timeout_s = settings.timeout_s
        self._compression = grpc.Compression.Gzip if settings.compression == "gzip" else None
        self._methods: dict[Signal, grpc.UnaryUnaryMultiCallable[bytes, bytes]] = {
            signal: self._channel.unary_unary(f"/{facts.service}/Export") for signal, facts in SIGNALS.items()
        }

    def export(self, signal: Signal, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Try once to deliver a serialized Export*ServiceRequest."""
        try:
            answer = self._methods[signal](
                body,
                timeout=self._timeout_s,
                metadata=tuple((name.lower(), value) for name, value in headers.items()),
                compression=self._compression,
            )
            return delivered(signal, answer)
        except grpc.RpcError as error:
            reply = _reply(error)
            return reply._replace(reason=f"{self._address}: {reply.reason}")
        except ProtobufDecodeError as error:
            return Reply("refused", f"the receiver does not answer in OTLP: {error}")
        except ValueError:
            if not self._closed:
                raise
            return Reply("retry", "the channel is closed")

    def close(self) -> None:
        """Close the connection; attempts in flight end with a reply to try again."""
        self._closed = True
        self._channel.close()


def _reply(error: Any) -> Reply:
    code: grpc.StatusCode = error.code()
    reason = f"{code.name}: {error.details()}"
    retry_after_s = _retry_info(error)
    if code in _RETRYABLE or (code is grpc.StatusCode.RESOURCE_EXHAUSTED and retry_after_s is not None):
        return Reply("retry", reason, retry_after_s=retry_after_s or 0.0, for_all=code in _FOR_ALL)
    # without RetryInfo, RESOURCE_EXHAUSTED may concern the size of this request alone
    for_all = code in _FOR_ALL and code is not grpc.StatusCode.RESOURCE_EXHAUSTED
    return Reply("refused", reason, for_all=for_all)


def _retry_info(error: Any) -> float | None:
    """Return the seconds that the receiver asks to wait; None if it asks for no pause."""
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS:
            try:
                for detail in Status.FromString(value).details:
                    info = RetryInfo()
                    if detail.Unpack(info):
                        return max(0.0, float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9))
            except ProtobufDecodeError:
                return None  # malformed details: the status code alone counts
    return None


def _credentials(tls: DestinationTls) -> grpc.ChannelCredentials:
    # gRPC reports a bad certificate only in its own log, at the first request: load the files here, to fail at the
    # start
    client_context(tls)

    def read(path: Path | None) -> bytes | None:
        return path.read_bytes() if path else None

    return grpc.ssl_channel_credentials(
        root_certificates=read(tls.ca_file), private_key=read(tls.key_file), certificate_chain=read(tls.cert_file)
    )

"""Refusals, for both transports: the reason as a gRPC code and an HTTP status, and the body of the answer."""

from __future__ import annotations

from enum import Enum
from typing import Final

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2 as code
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status

_MAX_MESSAGE: Final = 1000
"""Characters of a message; gRPC sends it up to three times, and its clients take 8 kB of metadata."""
_RETRY_AFTER_S: Final = 1


class Reason(Enum):
    """A kind of refusal: its gRPC code and HTTP status. Only OVERLOAD asks the sender to try again."""

    MALFORMED = (code.INVALID_ARGUMENT, 400)
    UNAUTHENTICATED = (code.UNAUTHENTICATED, 401)
    FORBIDDEN = (code.PERMISSION_DENIED, 403)
    NOT_FOUND = (code.NOT_FOUND, 404)
    NOT_TAKEN = (code.UNIMPLEMENTED, 404)
    METHOD = (code.UNIMPLEMENTED, 405)
    TOO_SLOW = (code.DEADLINE_EXCEEDED, 408)
    TOO_LARGE = (code.RESOURCE_EXHAUSTED, 413)
    MEDIA_TYPE = (code.UNIMPLEMENTED, 415)
    GONE = (code.CANCELLED, 499)
    """The sender left: no one receives this answer."""
    NO_MESSAGE = (code.FAILED_PRECONDITION, 422)
    FAILED = (code.INTERNAL, 500)
    OVERLOAD = (code.UNAVAILABLE, 503)


class Refusal(Exception):  # noqa: N818 - an answer to the sender, no error of ours
    """Raised while a request is read; becomes the answer to the request."""

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason = reason
        self.message = message if len(message) <= _MAX_MESSAGE else f"{message[: _MAX_MESSAGE - 1]}…"
        self.retry_after_s = _RETRY_AFTER_S if reason is Reason.OVERLOAD else None
        self.code, self.http_status = reason.value
        super().__init__(self.message)

    def status(self) -> Status:
        """Return the refusal as a google.rpc.Status.

        It has RetryInfo if the sender may try again, and BadRequest if the sender's data is the fault.

        Source: opentelemetry-proto docs/specification.md, "Failures", "Bad Data" and "OTLP/gRPC Throttling".
        """
        status = Status(code=self.code, message=self.message)
        if self.retry_after_s is not None:
            _add(status, RetryInfo(retry_delay=Duration(seconds=self.retry_after_s)))
        if self.reason is Reason.MALFORMED:
            _add(status, BadRequest(field_violations=[BadRequest.FieldViolation(description=self.message)]))
        return status


def too_large(max_bytes: int, size: str) -> Refusal:
    """Return the refusal of a request that is too large, before or after decompression."""
    return Refusal(
        Reason.TOO_LARGE,
        f"a request must be at most {max_bytes} bytes, got {size}: send smaller batches, "
        "or raise receive.max_request_bytes of the service",
    )


def _add(status: Status, detail: Message) -> None:
    packed = Any()
    packed.Pack(detail)
    status.details.append(packed)

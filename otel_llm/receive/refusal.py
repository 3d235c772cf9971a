"""Why a request was refused, once for both transports: the gRPC code, the HTTP status, the body."""

from __future__ import annotations

from enum import Enum

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, UNAVAILABLE, UNIMPLEMENTED
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status


class Reason(Enum):
    """A kind of refusal: gRPC code and HTTP status. Only OVERLOAD asks the sender to try again."""

    MALFORMED = (INVALID_ARGUMENT, 400)
    NOT_FOUND = (NOT_FOUND, 404)
    METHOD = (UNIMPLEMENTED, 405)
    TOO_LARGE = (RESOURCE_EXHAUSTED, 413)
    MEDIA_TYPE = (UNIMPLEMENTED, 415)
    OVERLOAD = (UNAVAILABLE, 503)


class Refusal(Exception):  # noqa: N818 - an answer to the sender, no error of ours
    """Raised while a request is read; becomes its answer."""

    def __init__(self, reason: Reason, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s
        self.code, self.http_status = reason.value

    def status(self) -> Status:
        """Return it as a google.rpc.Status, with RetryInfo where the sender may try again.

        Source: opentelemetry-proto docs/specification.md, "Failures" and "OTLP/gRPC throttling".
        """
        status = Status(code=self.code, message=self.message)
        if self.retry_after_s is not None:
            detail = Any()
            detail.Pack(RetryInfo(retry_delay=Duration(seconds=self.retry_after_s)))
            status.details.append(detail)
        return status

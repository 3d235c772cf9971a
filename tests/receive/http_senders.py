"""How requests are sent over HTTP, whole or by hand, and how a refusal is read."""

import socket

import httpx
from google.rpc.status_pb2 import Status
from support.receivers import PROTOBUF, Receivers

GZIP = PROTOBUF | {"content-encoding": "gzip"}

HEAD = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n"


def post(
    at: Receivers, content: bytes, headers: dict[str, str] = PROTOBUF, signal: str = "traces"
) -> httpx.Response:
    return httpx.post(f"{at.http}/v1/{signal}", content=content, headers=headers, timeout=20)


def status(response: httpx.Response) -> Status:
    assert response.headers["content-type"] == "application/x-protobuf"
    return Status.FromString(response.content)


def connection(at: Receivers) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(at.http.rpartition(":")[2])), timeout=20)

"""Bodies of requests: read up to a limit, in the media type of the endpoint."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.requests import Request

from otel_llm.serve.http.api_error import ApiError

_FILES_LIMIT: Final = 25 << 20  # OpenAI API reference, "Speech to text": uploads are limited to 25 MB


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file in a form, without its content, which no script reads."""

    name: str
    size_bytes: int


async def read_json(request: Request, limit_bytes: int) -> bytes:
    """Return the bytes of a JSON body.

    Raises:
        ApiError: the body is longer than the limit, or not declared as JSON.
    """
    # browsers let a page of any origin send text/plain without a preflight request, but not JSON
    _require(request, "application/json")
    body = bytearray()
    async for part in _limited(request, limit_bytes):
        body += part
    return bytes(body)


async def read_form(request: Request, limit_bytes: int) -> Mapping[str, Any]:
    """Return the fields of a multipart form; a name that ends in `[]` or comes more than once is a list.

    Raises:
        ApiError: the body is no valid form, or longer than the limit plus 25 MiB for files.
    """
    # imported here: only forms need its package
    from starlette.formparsers import MultiPartException, MultiPartParser  # noqa: PLC0415

    _require(request, "multipart/form-data")
    parser = MultiPartParser(request.headers, _limited(request, limit_bytes + _FILES_LIMIT))
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        wrong = "its content-type has no boundary" if isinstance(error, KeyError) else error
        raise ApiError(400, f"the body must be a multipart form: {wrong}", code="invalid_form") from error
    try:
        fields: dict[str, Any] = {}
        for name in form:
            values = [_plain(value) for value in form.getlist(name)]
            is_list = name.endswith("[]") or len(values) > 1
            fields[name.removesuffix("[]")] = values if is_list else values[0]
        return fields
    finally:
        await form.close()


def _plain(value: UploadFile | str) -> UploadedFile | str:
    return value if isinstance(value, str) else UploadedFile(value.filename or "", value.size or 0)


def _require(request: Request, media_type: str) -> None:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != media_type:
        raise ApiError(415, f"content-type must be {media_type}, got {declared or 'none'}")


async def _limited(request: Request, limit_bytes: int) -> AsyncGenerator[bytes, None]:
    received = 0
    async for part in request.stream():
        received += len(part)
        if received > limit_bytes:
            raise ApiError(
                413,
                f"the body must be at most {limit_bytes} bytes long",
                code="request_too_large",
                headers={"Connection": "close"},
            )
        yield part

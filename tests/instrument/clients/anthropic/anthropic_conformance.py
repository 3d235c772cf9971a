"""The anthropic client in the conformance suite: its server is `support.anthropic_server`, over a socket."""

import contextlib
from collections.abc import Iterator
from typing import Any

import anthropic
from anthropic_forms import FORMS
from subject import Subject
from support.anthropic_server import serving_messages


@contextlib.contextmanager
def serve() -> Iterator[str]:
    with serving_messages() as server:
        yield server.url


def make(provider: str, way: str, url: str) -> Any:
    # to load certificates takes longer than a call
    if way == "sync":
        options: dict[str, Any] = {"http_client": anthropic.DefaultHttpxClient(verify=False)}
    else:
        options = {"http_client": anthropic.DefaultAsyncHttpxClient(verify=False)}
    options |= {"base_url": url, "max_retries": 0}
    if provider == "gcp.vertex_ai":
        vertex: Any = anthropic.AnthropicVertex if way == "sync" else anthropic.AsyncAnthropicVertex
        return vertex(region="europe-west1", project_id="shop", access_token="none", **options)
    kind: Any = anthropic.Anthropic if way == "sync" else anthropic.AsyncAnthropic
    return kind(api_key="none", **options)


SUBJECT = Subject(
    name="anthropic", provider="anthropic", forms=FORMS, serve=serve, make=make, error=anthropic.APIError
)

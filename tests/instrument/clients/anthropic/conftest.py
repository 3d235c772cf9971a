"""A client of a server that speaks the provider's wire format, over a socket."""

from collections.abc import Iterator

import anthropic
import pytest
from support.anthropic_server import MessagesServer, serving_messages


@pytest.fixture(scope="session")
def messages_server() -> Iterator[MessagesServer]:
    with serving_messages() as server:
        yield server


@pytest.fixture
def claude(messages_server: MessagesServer) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="none", base_url=messages_server.url, max_retries=0) as client:
        yield client


@pytest.fixture
def async_claude(messages_server: MessagesServer) -> anthropic.AsyncAnthropic:
    """Each test enters it in its own event loop: `async with async_claude`."""
    return anthropic.AsyncAnthropic(api_key="none", base_url=messages_server.url, max_retries=0)


@pytest.fixture
def captured(exported):
    """Exporters in memory, and the client instrumented, with content on spans."""
    exported.instrument(capture_content="SPAN_ONLY")
    return exported

"""The scripted model over a WebSocket, and the real client for it."""

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from support.model_server import served_script

SCRIPT = Path(__file__).parents[1] / "scripts" / "realtime.toml"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of `otel-llm serve --scripted-only`."""
    with served_script(SCRIPT, tmp_path_factory.mktemp("serve") / "log") as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="none", base_url=url, max_retries=0) as client:
        yield client
